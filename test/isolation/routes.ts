import type { Role } from '#domain/tenant/roles';
import { PASSWORD } from '../support/identity-app';

/** What a tenant has that a request can name by its id; `newcomer` is a member who is in the team. */
export type Thing = 'tenant' | 'newcomer' | 'team' | 'project' | 'task' | 'invitation' | 'session';
export type Things = Readonly<Record<Thing, string>>;

export interface Row {
  /** The answer to a user who has the permission. */
  readonly status: number;
  /** The same, where a rule says more than the role does. */
  readonly besides?: Partial<Record<Role, number>>;
  /** What the ids in its path are of. */
  readonly ids?: Readonly<Record<string, Thing>>;
  /** @param unique text that no other request has */
  readonly body?: (unique: string) => object;
  /** What the ids in its body are of. */
  readonly named?: Readonly<Record<string, Thing>>;
  /** What a body is answered that names nothing; 404 by default. */
  readonly unnamed?: number;
  /** It ends what other requests need: each has a tenant of its own. */
  readonly alone?: boolean;
}

/** A route that is open to strangers, and asks for no tenant. */
const ANYONE = 'anyone';
/** A route of operators: whatever a tenant gives out opens none of them. */
const OPERATORS = 'operators';

const team = { id: 'team' } as const;
const project = { id: 'project' } as const;
const task = { id: 'task' } as const;
const newcomer = { userId: 'newcomer' } as const;

/** Every route of the OpenAPI document. */
export const ROUTES: Readonly<Record<string, Row | typeof ANYONE | typeof OPERATORS>> = {
  'GET /.well-known/jwks.json': ANYONE,
  'POST /v1/signup': ANYONE,
  'POST /v1/sessions': ANYONE,
  'POST /v1/sessions/refresh': ANYONE,
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
  'DELETE /v1/me': { status: 204, alone: true, besides: { owner: 409 } },
  'POST /v1/me/password': {
    status: 204,
    alone: true,
    body: (unique) => ({ currentPassword: PASSWORD, newPassword: `another ${unique}` }),
  },
  'GET /v1/sessions': { status: 200 },
  'POST /v1/sessions/switch': { status: 201, named: { tenantId: 'tenant' } },
  'DELETE /v1/sessions/current': { status: 204, alone: true },
  'DELETE /v1/sessions/{id}': { status: 204, ids: { id: 'session' } },

  'POST /v1/tenants': { status: 201, body: (companyName) => ({ companyName }) },
  'GET /v1/tenant': { status: 200 },
  'PATCH /v1/tenant': { status: 200, body: (name) => ({ name }) },
  'DELETE /v1/tenant': { status: 200, alone: true, body: () => ({ confirmName: 'Acme' }) },
  'POST /v1/tenant/transfer': { status: 204, alone: true, named: newcomer },

  'GET /v1/plans': ANYONE,
  'POST /v1/webhooks/stripe': ANYONE,
  'GET /v1/billing': { status: 200 },
  'GET /v1/billing/invoices': { status: 200 },
  'GET /v1/billing/why': { status: 200 },
  // This installation has no Stripe.
  'POST /v1/billing/checkout': {
    status: 503,
    body: () => ({ plan: 'pro', successUrl: 'https://app.example.com', cancelUrl: 'https://app.example.com' }),
  },
  'POST /v1/billing/portal': { status: 503, body: () => ({ returnUrl: 'https://app.example.com' }) },
  'POST /v1/billing/change': { status: 503, body: () => ({ plan: 'pro' }) },
  'GET /v1/usage': { status: 200 },

  'GET /v1/members': { status: 200 },
  'GET /v1/members/{userId}': { status: 200, ids: newcomer },
  'PATCH /v1/members/{userId}': { status: 200, ids: newcomer, body: () => ({ role: 'auditor' }) },
  // Everybody may leave; the rule decides who else may be removed.
  'DELETE /v1/members/{userId}': { status: 204, ids: newcomer, besides: { member: 403, auditor: 403 } },

  'GET /v1/invitations': { status: 200 },
  'POST /v1/invitations': { status: 201, body: () => ({ role: 'member', maxUses: 1 }) },
  'DELETE /v1/invitations/{id}': { status: 204, ids: { id: 'invitation' } },

  'GET /v1/teams': { status: 200 },
  'POST /v1/teams': { status: 201, body: (name) => ({ name }) },
  'GET /v1/teams/{id}': { status: 200, ids: team },
  'PATCH /v1/teams/{id}': { status: 200, ids: team, body: (name) => ({ name }) },
  'DELETE /v1/teams/{id}': { status: 204, ids: team },
  'PUT /v1/teams/{id}/members/{userId}': { status: 204, ids: { ...team, ...newcomer } },
  'DELETE /v1/teams/{id}/members/{userId}': { status: 204, ids: { ...team, ...newcomer } },

  'GET /v1/projects': { status: 200 },
  'POST /v1/projects': { status: 201, body: (name) => ({ name }), named: { teamId: 'team' }, unnamed: 409 },
  'GET /v1/projects/{id}': { status: 200, ids: project },
  'PATCH /v1/projects/{id}': {
    ...{ status: 200, ids: project, unnamed: 409 },
    body: (name) => ({ name }),
    named: { teamId: 'team' },
  },
  'DELETE /v1/projects/{id}': { status: 200, ids: project },
  'POST /v1/projects/{id}/restore': { status: 200, ids: project },
  'GET /v1/projects/{id}/tasks': { status: 200, ids: project },
  'POST /v1/projects/{id}/tasks': {
    ...{ status: 201, ids: project, unnamed: 409 },
    body: (title) => ({ title }),
    named: { assigneeId: 'newcomer' },
  },
  'GET /v1/tasks/{id}': { status: 200, ids: task },
  'PATCH /v1/tasks/{id}': {
    ...{ status: 200, ids: task, unnamed: 409 },
    body: (title) => ({ title }),
    named: { assigneeId: 'newcomer' },
  },
  'DELETE /v1/tasks/{id}': { status: 204, ids: task },
};

/** The routes with a row. */
export const ROWS = Object.entries(ROUTES).flatMap(([route, row]) =>
  typeof row === 'string' ? [] : [[route, row] as const],
);

export const OF_OPERATORS = Object.keys(ROUTES).filter((route) => ROUTES[route] === OPERATORS);
