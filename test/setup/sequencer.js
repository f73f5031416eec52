const { default: Sequencer } = require('@jest/test-sequencer');

/** Specs that run processes, or wait for something to be given up: seconds of each, in which the others can be run. */
const LONG = /\/test\/(e2e|chaos|billing)\/|\/libs\/platform\/jobs\//;

/** Long ones first, so that the last of them is not waited for alone; jest without a cache goes by the size of the file. */
module.exports = class extends Sequencer {
  async sort(tests) {
    const sorted = await super.sort(tests);
    const isLong = ({ path }) => LONG.test(path);
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
};
