import type { OpenAPIObject } from '@nestjs/swagger';
import { type Permission, worksAlways } from '#domain/tenant/permissions';
import { type ProblemName, problemCatalogue } from '#platform/problems';
import { OPERATOR_EXTENSION } from '../../ops/operators.decorator';
import { OF_USER_EXTENSION, PERMISSION_EXTENSION } from '../contract/require-permission.decorator';
import { DOCUMENTATION, type DocumentationExtension, TAKES_IF_MATCH } from './documented';
import { addBodyExample } from './openapi-examples';
import { ANSWER_HEADERS, PARAMETERS, PROBLEM_SCHEMA, WRITE_HEADERS } from './openapi-parts';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Extended = Operation & {
  'x-public'?: boolean;
  [OPERATOR_EXTENSION]?: true;
  [DOCUMENTATION]?: DocumentationExtension;
  [TAKES_IF_MATCH]?: true;
  [PERMISSION_EXTENSION]?: { readonly permission: Permission; readonly roles: readonly string[] };
  [OF_USER_EXTENSION]?: true;
};
type Response = Record<string, unknown> & { headers?: object };

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;
const EVERYWHERE: readonly ProblemName[] = ['validation-failed', 'rate-limited', 'dependency-unavailable'];
const OF_WRITES: readonly ProblemName[] = [
  ...(['request-in-progress', 'idempotency-key-reused', 'body-too-large', 'unsupported-media-type'] as const),
];

/** Adds to every operation what the conventions say of all of them: fields, parameters, problems, authentication. */
export const completeDocument = (document: OpenAPIObject): OpenAPIObject => {
  const components = document.components ?? {};
  document.components = components;
  components.schemas = { ...components.schemas, Problem: PROBLEM_SCHEMA };
  components.parameters = { ...components.parameters, ...PARAMETERS };
  components.headers = { ...components.headers, ...ANSWER_HEADERS, ...WRITE_HEADERS };
  document.security = [{ bearer: [] }];
  for (const [template, path] of Object.entries(document.paths)) {
    const operations = METHODS.flatMap((method) => (path[method] ? [[method, path[method] as Extended] as const] : []));
    const changed = operations.some(([, it]) => it[TAKES_IF_MATCH]);
    for (const [method, operation] of operations) {
      const versioned = changed || operation[DOCUMENTATION]?.versioned === true;
      complete(operation, method, versioned, template.includes('{'));
      addBodyExample(operation.requestBody, components.schemas);
    }
  }
  return document;
};

const complete = (operation: Extended, method: (typeof METHODS)[number], versioned: boolean, one: boolean): void => {
  const { problems = [] } = operation[DOCUMENTATION] ?? {};
  const takesIfMatch = operation[TAKES_IF_MATCH] === true;
  const open = operation['x-public'] === true;
  delete operation[DOCUMENTATION];
  delete operation[TAKES_IF_MATCH];
  delete operation['x-public'];
  if (open) operation.security = [];
  const ofOperators = operation[OPERATOR_EXTENSION] === true;
  if (ofOperators) operation.security = [{ operator: [] }];

  const writes = method !== 'get';
  const parameters: (keyof typeof PARAMETERS)[] = ['X-Request-Id', 'traceparent'];
  if (writes) parameters.push('Idempotency-Key');
  else if (!open && !ofOperators) parameters.push('If-Position');
  if (takesIfMatch) parameters.push('If-Match');
  if (versioned && !writes) parameters.push('If-None-Match');
  operation.parameters = [
    ...(operation.parameters ?? []),
    ...parameters.map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];

  const needed = whoMay(operation);
  if (needed) operation.description = [operation.description, needed].filter(Boolean).join('\n\n');

  const fields = { ...ANSWER_HEADERS, ...(writes && WRITE_HEADERS) };
  const responses = (operation.responses ?? {}) as unknown as Record<string, Response>;
  // Which method a decorator sits on is known only here.
  if (responses['default']) {
    responses[method === 'post' ? '201' : '200'] = responses['default'];
    delete responses['default'];
  }
  for (const [status, response] of Object.entries(responses)) {
    const shown = Object.keys(fields).filter((name) => name !== 'ETag' || versioned);
    if (Number(status) < 400) response.headers = { ...response.headers, ...references(shown) };
  }
  if (versioned && !writes)
    responses['304'] = { description: 'Not modified: the `ETag` in `If-None-Match` is still current.' };
  if (writes)
    responses['202'] ??= { description: 'The write is stored, but reads may not show it yet. The body is the same.' };

  const all = new Set<ProblemName>([...EVERYWHERE, ...problems, ...(writes ? OF_WRITES : [])]);
  if (!open) all.add('unauthenticated');
  const { permission } = operation[PERMISSION_EXTENSION] ?? {};
  if (permission !== undefined) all.add('forbidden');
  if (permission !== undefined && !worksAlways(permission)) all.add('workspace-locked').add('plan-limit-reached');
  if (one) all.add('not-found');
  if (!open && !ofOperators && !writes) all.add('read-model-behind');
  if (takesIfMatch) all.add('precondition-failed');
  Object.assign(responses, problemResponses([...all]));
};

const whoMay = ({
  [PERMISSION_EXTENSION]: permission,
  [OF_USER_EXTENSION]: ofUser,
  [OPERATOR_EXTENSION]: ofOperators,
}: Extended): string | undefined => {
  if (permission)
    return `Needs the permission \`${permission.permission}\`. Roles that have it: ${permission.roles.join(', ')}.`;
  if (ofOperators)
    return 'Only for operators of the server. It needs an operator token; access tokens are not accepted.';
  return ofUser ? 'Needs a signed-in user, with any role.' : undefined;
};

const references = (names: readonly string[]): object =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** One response a status, with an example of each problem that has it. */
const problemResponses = (problems: readonly ProblemName[]): Record<string, Response> => {
  const byStatus = new Map<number, ProblemName[]>();
  for (const name of problems.toSorted()) {
    const status = problemCatalogue[name][0];
    byStatus.set(status, [...(byStatus.get(status) ?? []), name]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => {
      const examples = names.map((name) => [name, { summary: problemCatalogue[name][1], value: example(name) }]);
      const retry = names.some((name) => /^(rate-limited|dependency|read-model|request-in)/.test(name));
      return [
        String(status),
        {
          description: names.map((name) => `\`${name}\`: ${problemCatalogue[name][1]}`).join('; '),
          content: {
            'application/problem+json': {
              schema: { $ref: '#/components/schemas/Problem' },
              examples: Object.fromEntries(examples),
            },
          },
          headers: references([...(retry ? ['Retry-After'] : []), 'X-Request-Id', 'RateLimit', 'RateLimit-Policy']),
        },
      ];
    }),
  );
};

const example = (name: ProblemName): object => ({
  type: `/problems/${name}`,
  title: problemCatalogue[name][1],
  status: problemCatalogue[name][0],
  instance: '/v1/…',
  requestId: '0198c0de-0000-7000-8000-000000000000',
  ...(name === 'validation-failed' && { errors: [{ pointer: '/name', message: 'is required' }] }),
});
