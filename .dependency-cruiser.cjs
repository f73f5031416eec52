// The arrows of docs/design: apps → projections → libs, with the domain at the bottom.
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    // Types count, too: a file that can only be understood together with its importers is not a part of its own.
    rule('no-circular', 'Two files that import each other can only be understood together.', {}, { circular: true }),
    rule('no-unresolvable', 'An import leads nowhere.', {}, { couldNotResolve: true }),
    rule(
      'domain-is-pure',
      'Rules of the business know no clock, no random, no I/O and no framework; handlers.ts connects them.',
      { path: '^libs/domain/', pathNot: ['/handlers\\.ts$', '\\.spec\\.ts$'] },
      { pathNot: '^libs/domain/' },
    ),
    rule(
      'rules-know-no-handlers',
      'handlers.ts is the outside of an aggregate: its rules do not import it.',
      { path: '^libs/domain/', pathNot: ['/handlers\\.ts$', '\\.spec\\.ts$'] },
      { path: '^libs/domain/.*/handlers\\.ts$' },
    ),
    rule(
      'libs-below',
      'Libraries know neither applications nor read models.',
      { path: '^libs/' },
      { path: '^(apps|projections|scripts)/' },
    ),
    rule(
      'projections-below',
      'Read models know no application.',
      { path: '^projections/' },
      { path: '^(apps|scripts)/' },
    ),
    rule(
      'platform-at-the-bottom',
      'The platform knows nothing of the product.',
      { path: '^libs/platform/', pathNot: '\\.spec\\.ts$' },
      { path: '^libs/(?!platform/)' },
    ),
    rule(
      'api-without-worker',
      'The parts of the product run apart.',
      { path: '^apps/api/' },
      { path: '^apps/worker/' },
    ),
    rule(
      'worker-without-api',
      'The parts of the product run apart.',
      { path: '^apps/worker/' },
      { path: '^apps/api/' },
    ),
    rule(
      'not-into-tests',
      'What runs does not need what tests it.',
      {
        path: '^(apps|libs|projections)/',
        pathNot: ['\\.(spec|suite)\\.ts$', '^libs/testing/', '^libs/[^/]+/contract/'],
      },
      { path: ['^test/', '^libs/testing/', '\\.(spec|suite)\\.ts$'] },
    ),
    rule(
      'not-to-dev-dependencies',
      'What runs has only the dependencies of production.',
      {
        path: '^(apps|libs|projections)/',
        pathNot: ['\\.(spec|suite)\\.ts$', '^libs/testing/', '^libs/[^/]+/contract/'],
      },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
