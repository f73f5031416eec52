import type { TenantEvent } from '#domain/tenant/events';
import type { Role } from '#domain/tenant/roles';
import { uuidv7 } from '#platform/ids/uuid';

/** Events of a tenant that specs append to its stream directly. */
export const joined = (userId: string, role: Role): TenantEvent => ({
  type: 'MemberJoined',
  data: { userId, role, invitationId: uuidv7(), use: 1 },
});

export const removed = (userId: string): TenantEvent => ({
  type: 'MemberRemoved',
  data: { userId, reason: 'removed' },
});

export const paid = (): TenantEvent => ({
  type: 'PaymentSucceeded',
  data: {
    ...{ invoiceId: `in_${uuidv7()}`, number: null, currency: 'EUR' },
    ...{ amount: 4_900, amountDue: 4_900, amountPaid: 4_900 },
    ...{ createdAt: '2026-01-01T00:00:00.000Z', url: null },
  },
});

export const CLOSED: TenantEvent = { type: 'TenantClosed', data: { eraseAfter: '2027-01-01T00:00:00.000Z' } };
