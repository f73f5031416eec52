import type { Role } from '#domain/tenant/roles';
import { PASSWORD } from '../support/identity-app';

/** Resources that a request can name by an id. `member` is a member of the tenant and of the team. */
export type Resource = 'tenant' | 'member' | 'team' | 'project' | 'task' | 'invitation' | 'session';
export type ResourceIds = Readonly<Record<Resource, string>>;

/** How a route that needs an access token is requested, and the expected answers. */
export interface RouteCase {
  /** Status of the answer to a user who has the permission. */
  readonly status: number;
  /** Status for roles that have the permission, but are refused by a rule. */
  readonly statusByRole?: Partial<Record<Role, number>>;
  /** The resource of each id in the path. */
  readonly pathIds?: Readonly<Record<string, Resource>>;
  /** The body without ids. @param unique text that no other request contains */
  readonly body?: (unique: string) => object;
  /** The resource of each id in the body. */
  readonly bodyIds?: Readonly<Record<string, Resource>>;
  /** Status of the answer to an unknown id in the body; 404 by default. */
  readonly unknownBodyId?: number;
  /** The request ends something that other requests need, so each gets its own tenant. */
  readonly needsOwnTenant?: boolean;
}

/** A route that needs no access token. */
const ANYONE = 'anyone';
/** A route for operators. It refuses the access token of every user. */
const OPERATORS = 'operators';

const team = { id: 'team' } as const;
const project = { id: 'project' } as const;
const task = { id: 'task' } as const;
const member = { userId: 'member' } as const;

/** Every route of the OpenAPI document. */
export const ROUTES: Readonly<Record<string, RouteCase | typeof ANYONE | typeof OPERATORS>> = {
  'GET /.well-known/jwks.json': ANYONE,
  'POST /v1/signup': ANYONE,
  'POST /v1/sessions': ANYONE,
  'POST /v1/sessions/refresh': ANYONE,
  'DELETE /v1/sessions/current': ANYONE,
  'GET /v1/invitations/preview/{token}': ANYONE,
  'POST /v1/invitations/accept': ANYONE,

  'GET /ops/operator': OPERATORS,
  'GET /ops/billing/inbox': OPERATORS,
  'GET /ops/billing/inbox/{eventId}': OPERATORS,
  'POST /ops/billing/inbox/{eventId}/retry': OPERATORS,
  'POST /ops/billing/inbox/{eventId}/skip': OPERATORS,
  'POST /ops/billing/reconcile': OPERATORS,

  'GET /v1/me': { status: 200 },
  'PATCH /v1/me': { status: 200, body: (name) => ({ name }) },
  'DELETE /v1/me': {
    ...{ status: 204, needsOwnTenant: true, statusByRole: { owner: 409 } },
    body: () => ({ currentPassword: PASSWORD }),
  },
  'POST /v1/me/password': {
    status: 204,
    needsOwnTenant: true,
    body: (unique) => ({ currentPassword: PASSWORD, newPassword: `another ${unique}` }),
  },
  'GET /v1/sessions': { status: 200 },
  'POST /v1/sessions/switch': { status: 201, bodyIds: { tenantId: 'tenant' } },
  'DELETE /v1/sessions/{id}': { status: 204, pathIds: { id: 'session' } },

  'POST /v1/tenants': { status: 201, body: (companyName) => ({ companyName }) },
  'GET /v1/tenant': { status: 200 },
  'PATCH /v1/tenant': { status: 200, body: (name) => ({ name }) },
  'DELETE /v1/tenant': { status: 200, needsOwnTenant: true, body: () => ({ confirmName: 'Acme' }) },
  'POST /v1/tenant/transfer': { status: 204, needsOwnTenant: true, bodyIds: member },

  'GET /v1/plans': ANYONE,
  'POST /v1/webhooks/stripe': ANYONE,
  'GET /v1/billing': { status: 200 },
  'GET /v1/billing/invoices': { status: 200 },
  'GET /v1/billing/why': { status: 200 },
  // The tested server has no Stripe.
  'POST /v1/billing/checkout': {
    status: 503,
    body: () => ({ plan: 'pro', successUrl: 'https://app.example.com', cancelUrl: 'https://app.example.com' }),
  },
  'POST /v1/billing/portal': { status: 503, body: () => ({ returnUrl: 'https://app.example.com' }) },
  'POST /v1/billing/change': { status: 503, body: () => ({ plan: 'pro' }) },
  'GET /v1/usage': { status: 200 },

  'GET /v1/members': { status: 200 },
  'GET /v1/members/{userId}': { status: 200, pathIds: member },
  'PATCH /v1/members/{userId}': { status: 200, pathIds: member, body: () => ({ role: 'auditor' }) },
  // Each role has the permission to leave. The rule decides who may remove another member.
  'DELETE /v1/members/{userId}': { status: 204, pathIds: member, statusByRole: { member: 403, auditor: 403 } },

  'GET /v1/invitations': { status: 200 },
  'POST /v1/invitations': { status: 201, body: () => ({ role: 'member', maxUses: 1 }) },
  'DELETE /v1/invitations/{id}': { status: 204, pathIds: { id: 'invitation' } },

  'GET /v1/teams': { status: 200 },
  'POST /v1/teams': { status: 201, body: (name) => ({ name }) },
  'GET /v1/teams/{id}': { status: 200, pathIds: team },
  'PATCH /v1/teams/{id}': { status: 200, pathIds: team, body: (name) => ({ name }) },
  'DELETE /v1/teams/{id}': { status: 204, pathIds: team },
  'PUT /v1/teams/{id}/members/{userId}': { status: 204, pathIds: { ...team, ...member } },
  'DELETE /v1/teams/{id}/members/{userId}': { status: 204, pathIds: { ...team, ...member } },

  'GET /v1/projects': { status: 200 },
  'POST /v1/projects': { status: 201, body: (name) => ({ name }), bodyIds: { teamId: 'team' }, unknownBodyId: 409 },
  'GET /v1/projects/{id}': { status: 200, pathIds: project },
  'PATCH /v1/projects/{id}': {
    ...{ status: 200, pathIds: project, unknownBodyId: 409 },
    body: (name) => ({ name }),
    bodyIds: { teamId: 'team' },
  },
  'DELETE /v1/projects/{id}': { status: 200, pathIds: project },
  'POST /v1/projects/{id}/restore': { status: 200, pathIds: project },
  'GET /v1/projects/{id}/tasks': { status: 200, pathIds: project },
  'POST /v1/projects/{id}/tasks': {
    ...{ status: 201, pathIds: project, unknownBodyId: 409 },
    body: (title) => ({ title }),
    bodyIds: { assigneeId: 'member' },
  },
  'GET /v1/tasks/{id}': { status: 200, pathIds: task },
  'PATCH /v1/tasks/{id}': {
    ...{ status: 200, pathIds: task, unknownBodyId: 409 },
    body: (title) => ({ title }),
    bodyIds: { assigneeId: 'member' },
  },
  'DELETE /v1/tasks/{id}': { status: 204, pathIds: task },
};

/** The routes that need an access token, with their cases. */
export const TOKEN_ROUTES = Object.entries(ROUTES).flatMap(([route, routeCase]) =>
  typeof routeCase === 'string' ? [] : [[route, routeCase] as const],
);

export const OPERATOR_ROUTES = Object.keys(ROUTES).filter((route) => ROUTES[route] === OPERATORS);
