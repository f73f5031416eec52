import type { OpenAPIObject } from '@nestjs/swagger';
import { type Permission, worksWhileLocked } from '#domain/tenant/permissions';
import { ROLES, type Role } from '#domain/tenant/roles';
import { type ProblemName, problemCatalogue } from '#platform/problems';
import { OPERATOR_EXTENSION } from '../../ops/operators.decorator';
import { PERMISSION_EXTENSION, SIGNED_IN_EXTENSION } from '../contract/require-permission.decorator';
import { PROBLEM_HELP } from '../problems/problem-help';
import { ACCEPTS_IF_MATCH, DOCUMENTATION, type DocumentationExtension } from './documented';
import { addBodyExample, refuseOtherFields } from './openapi-bodies';
import { ANSWER_HEADERS, PARAMETERS, PROBLEM_SCHEMA, STATUS_HEADERS, WRITE_HEADERS } from './openapi-parts';

export type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Extended = Operation & {
  'x-public'?: boolean;
  [OPERATOR_EXTENSION]?: true;
  [DOCUMENTATION]?: DocumentationExtension;
  [ACCEPTS_IF_MATCH]?: true;
  [PERMISSION_EXTENSION]?: { readonly permission: Permission; readonly roles: readonly Role[] };
  [SIGNED_IN_EXTENSION]?: true;
};
type Response = Record<string, unknown> & { headers?: object };

/** The HTTP methods of operations. */
export const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;
/** True for an operation of a route for operators. */
export const isForOperators = (operation: Extended): boolean => operation[OPERATOR_EXTENSION] === true;

/** Problems with which every route can answer. */
const COMMON_PROBLEMS: readonly ProblemName[] = ['validation-failed', 'rate-limited', 'dependency-unavailable'];
/** Problems with which every write can answer. */
const WRITE_PROBLEMS: readonly ProblemName[] = [
  ...(['request-in-progress', 'idempotency-key-reused', 'body-too-large', 'unsupported-media-type'] as const),
  // A resource without versions refuses every version in `If-Match`.
  'precondition-failed',
];

/**
 * Adds to every operation the headers, problems and authentication that are common to all of them. Changes the
 * document.
 */
export const completeDocument = (document: OpenAPIObject): OpenAPIObject => {
  const components = document.components ?? {};
  document.components = components;
  components.schemas = { ...components.schemas, Problem: PROBLEM_SCHEMA };
  components.parameters = { ...components.parameters, ...PARAMETERS };
  components.headers = { ...components.headers, ...ANSWER_HEADERS, ...STATUS_HEADERS, ...WRITE_HEADERS };
  document.security = [{ bearer: [] }];
  for (const [template, path] of Object.entries(document.paths)) {
    const operations = METHODS.flatMap((method) => (path[method] ? [[method, path[method] as Extended] as const] : []));
    const hasVersions = operations.some(([, it]) => it[ACCEPTS_IF_MATCH]);
    for (const [method, operation] of operations) {
      const versioned = hasVersions || operation[DOCUMENTATION]?.versioned === true;
      complete(operation, method, versioned, template.includes('{'));
      addBodyExample(operation.requestBody, components.schemas);
      refuseOtherFields(operation.requestBody, components.schemas);
    }
  }
  return document;
};

/** Headers of every answer. */
const COMMON_HEADERS = ['X-Request-Id', 'RateLimit', 'RateLimit-Policy'];

const complete = (
  operation: Extended,
  method: (typeof METHODS)[number],
  versioned: boolean,
  hasPathId: boolean,
): void => {
  const { problems = [], storesEvents = true } = operation[DOCUMENTATION] ?? {};
  const acceptsIfMatch = operation[ACCEPTS_IF_MATCH] === true;
  const isPublic = operation['x-public'] === true;
  delete operation[DOCUMENTATION];
  delete operation[ACCEPTS_IF_MATCH];
  delete operation['x-public'];
  if (isPublic) operation.security = [];
  const ofOperators = isForOperators(operation);
  if (ofOperators) operation.security = [{ operator: [] }];

  const writes = method !== 'get';
  const parameters: (keyof typeof PARAMETERS)[] = ['X-Request-Id', 'traceparent'];
  if (writes) parameters.push('Idempotency-Key');
  else if (!isPublic && !ofOperators) parameters.push('If-Position');
  if (acceptsIfMatch) parameters.push('If-Match');
  if (versioned && !writes) parameters.push('If-None-Match');
  operation.parameters = [
    ...(operation.parameters ?? []),
    ...parameters.map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];

  operation.description = [operation.description, describeCallers(operation, isPublic)].filter(Boolean).join('\n\n');

  const { 'Retry-After': _, ...successHeaders } = ANSWER_HEADERS;
  const { Position, ...replayed } = WRITE_HEADERS;
  const headers = { ...successHeaders, ...(writes && replayed), ...(writes && storesEvents && { Position }) };
  const responses = (operation.responses ?? {}) as unknown as Record<string, Response>;
  // `@Documented()` does not know the HTTP method, so it leaves the default status to this function.
  if (responses['default']) {
    responses[method === 'post' ? '201' : '200'] = responses['default'];
    delete responses['default'];
  }
  for (const [status, response] of Object.entries(responses)) {
    const names = Object.keys(headers).filter((name) => name !== 'ETag' || versioned);
    if (Number(status) < 400) response.headers = { ...response.headers, ...references(names) };
  }
  if (versioned && !writes)
    responses['304'] = {
      description: 'Not modified: the `ETag` in `If-None-Match` is still current. Use the answer that you have.',
      headers: references(Object.keys(successHeaders)),
    };
  if (ofOperators && !writes)
    responses['303'] = {
      description: 'Only for a browser without a valid token: it is redirected to the page on which operators sign in.',
      headers: references(['Location', ...COMMON_HEADERS]),
    };
  if (writes && storesEvents)
    responses['202'] ??= {
      ...successOf(responses),
      description:
        'The write is stored, but reads may not show it yet. The body is the same as without this delay. Send `Position` as `If-Position` with a read to see the write.',
    };

  if (operation.requestBody && !('$ref' in operation.requestBody)) operation.requestBody.required ??= true;

  const all = new Set<ProblemName>([...COMMON_PROBLEMS, ...problems, ...(writes ? WRITE_PROBLEMS : [])]);
  if (!isPublic) all.add('unauthenticated');
  const { permission } = operation[PERMISSION_EXTENSION] ?? {};
  if (permission !== undefined) all.add('forbidden');
  if (permission !== undefined && !worksWhileLocked(permission)) all.add('workspace-locked').add('plan-limit-reached');
  if (hasPathId) all.add('not-found');
  if (!isPublic && !ofOperators && !writes) all.add('read-model-behind');
  Object.assign(responses, problemResponses([...all]));
};

/** Body and headers of the answer to a successful request. */
const successOf = (responses: Record<string, Response>): Response => {
  const [, success = {}] = Object.entries(responses).find(([status]) => /^2/.test(status)) ?? [];
  return success;
};

/** The sentences that say who may use an operation. */
const describeCallers = (
  { [PERMISSION_EXTENSION]: permission, [SIGNED_IN_EXTENSION]: ofUser, [OPERATOR_EXTENSION]: ofOperators }: Extended,
  isPublic: boolean,
): string => {
  if (permission) {
    const { roles } = permission;
    const advice =
      roles.length < ROLES.length
        ? ' With another role the answer is 403: ask an owner of the tenant to change your role.'
        : '';
    return `Needs the permission \`${permission.permission}\`. Roles that have it: ${roles.join(', ')}.${advice}`;
  }
  if (ofOperators)
    return 'Only for operators of the server. It needs an operator token, which `tenantry operators token` creates; access tokens are not accepted.';
  if (ofUser) return isPublic ? 'An access token is optional.' : 'Needs a signed-in user, with any role.';
  return 'No access token is needed.';
};

const references = (names: readonly string[]): object =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** One response for each status, with an example of each problem with this status. */
const problemResponses = (problems: readonly ProblemName[]): Record<string, Response> => {
  const byStatus = new Map<number, ProblemName[]>();
  for (const name of problems.toSorted()) {
    const status = problemCatalogue[name][0];
    byStatus.set(status, [...(byStatus.get(status) ?? []), name]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => {
      const examples = names.map((name) => [name, { summary: problemCatalogue[name][1], value: example(name) }]);
      const retry = names.some((name) => /^(rate-limited|dependency|read-model|request-in|plan-limit)/.test(name));
      return [
        String(status),
        {
          description: names.map((name) => `\`${name}\`: ${PROBLEM_HELP[name]}`).join('\n\n'),
          content: {
            'application/problem+json': {
              schema: { $ref: '#/components/schemas/Problem' },
              examples: Object.fromEntries(examples),
            },
          },
          headers: references([
            ...(retry ? ['Retry-After'] : []),
            ...(status === 401 ? ['WWW-Authenticate'] : []),
            ...COMMON_HEADERS,
          ]),
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
