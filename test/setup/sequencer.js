const { default: Sequencer } = require('@jest/test-sequencer');

/** Specs that start processes or wait for timeouts. They take seconds, in which other specs can run. */
const LONG = /\/test\/(e2e|chaos|billing)\/|\/libs\/platform\/jobs\//;

/**
 * Runs long specs first, so that no worker waits for a long one at the end. By default, jest sorts by the size of the
 * file.
 */
module.exports = class extends Sequencer {
  async sort(tests) {
    const sorted = await super.sort(tests);
    const isLong = ({ path }) => LONG.test(path);
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
};
