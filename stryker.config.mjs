// `npm run mutate`: changes the rules of the domain one by one and runs the specs that cover each change. A change that no
// spec notices survives; the run ends with a list of them, and fails below the threshold. The files of events are left
// out: they hold types and the names of events, and the values beside the names only let the compiler check them.
export default {
  mutate: ['libs/domain/**/*.ts', '!libs/domain/**/*.spec.ts', '!libs/domain/**/*events.ts'],
  testRunner: 'jest',
  jest: { configFile: 'test/setup/jest.mutate.js' },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 20_000,
  reporters: ['clear-text', 'json', 'progress-append-only'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false, reportMutants: true },
  jsonReporter: { fileName: '.stryker/report.json' },
  incremental: true,
  incrementalFile: '.stryker/incremental.json',
  tempDirName: '.stryker/tmp',
  thresholds: { high: 95, low: 92, break: 90 },
};
