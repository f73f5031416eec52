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
      'Rules of the business know no clock, no random, no I/O and no framework; libs/commands connects them.',
      { path: '^libs/domain/', pathNot: '\\.spec\\.ts$' },
      { pathNot: '^libs/domain/' },
    ),
    rule(
      'domain-specs-are-pure',
      'What specifies a rule needs the rule, the given/when/then and a generator of cases.',
      { path: '^libs/domain/.*\\.spec\\.ts$' },
      { pathNot: '^(libs/(domain|testing)/|node_modules/)' },
    ),
    rule(
      'commands-above',
      'Command handlers connect the domain, the event log and the plans, which know nothing of them.',
      { path: '^libs/(domain|event-log|plans|platform)/', pathNot: '\\.spec\\.ts$' },
      { path: '^libs/commands/' },
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
        pathNot: ['\\.(spec|suite)\\.ts$', '^libs/testing/', '^libs/.+/contract/'],
      },
      { path: ['^test/', '^libs/testing/', '\\.(spec|suite)\\.ts$'] },
    ),
    rule(
      'not-to-dev-dependencies',
      'What runs has only the dependencies of production.',
      {
        path: '^(apps|libs|projections)/',
        pathNot: ['\\.(spec|suite)\\.ts$', '^libs/testing/', '^libs/.+/contract/'],
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
