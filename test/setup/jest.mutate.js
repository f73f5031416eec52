const config = require('../../jest.config.js');

/** The specs of the domain alone: they need no database, so nothing is set up for them. */
module.exports = {
  ...config,
  rootDir: '../..',
  roots: ['<rootDir>/libs/domain'],
  globalSetup: undefined,
  globalTeardown: undefined,
  testSequencer: undefined,
};
