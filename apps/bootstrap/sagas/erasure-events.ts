import { RemoveMember } from '#domain/tenant/decide-members';
import { memberOf } from '#domain/tenant/evolve';
import { EraseUser } from '#domain/user/decide';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import type { EventLog } from '#event-log/port';
import type { ErasedMembership, ErasureEvents } from '#identity/sagas/erasure';
import type { ScopedDb } from '#platform/database/scoped/scoped-db';
import { Problem } from '#platform/problems';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import { membershipsOf } from '#projections/members/queries';
import type { TenantStates } from './tenant-states';

interface ErasureEventsDeps {
  /** Executes a command under the rule of its aggregate. */
  readonly execute: (command: RemoveMember | EraseUser) => Promise<CommandResult>;
  /** For the read model of memberships. */
  readonly db: ScopedDb;
  readonly stateOf: TenantStates;
  readonly log: Pick<EventLog, 'head'>;
  /** Waits for the read model of memberships. */
  readonly waiter: PositionWaiter;
}

/** ms after which the wait for the read model ends. */
const CATCH_UP_MS = 2_000;

/** Appends the facts of an erasure by commands to their aggregates. */
export const createErasureEvents = ({ execute, db, stateOf, log, waiter }: ErasureEventsDeps): ErasureEvents => {
  /**
   * The read model, which may be behind, lists the tenants; the role and the owners are from the tenant's own stream.
   * @returns at most one; none if the tenant is closed or the user is no longer a member
   */
  const membershipIn = async (tenantId: string, userId: string): Promise<ErasedMembership[]> => {
    const tenant = await stateOf(tenantId);
    const member = memberOf(tenant, userId);
    if (tenant.status !== 'open' || !member) return [];
    const soleOwner = member.role === 'owner' && tenant.owners === 1;
    return [{ tenantId, companyName: tenant.name, role: member.role, soleOwner }];
  };

  return {
    catchUp: async () => {
      if (await waiter.waitFor(await log.head(), CATCH_UP_MS)) return;
      throw new Problem('read-model-behind', {
        detail: 'The list of memberships is behind. Try again.',
        retryAfter: 1,
      });
    },
    membershipsOf: async (userId) => {
      const listed = await membershipsOf(db.user(userId));
      return (await Promise.all(listed.map(({ tenantId }) => membershipIn(tenantId, userId)))).flat();
    },
    leave: async (tenantId, userId, context) => {
      const removal = { by: userId, userId, reason: 'erased', at: new Date().toISOString() } as const;
      await execute(new RemoveMember(tenantId, removal, context));
    },
    eraseUser: async (userId, context) => (await execute(new EraseUser(userId, context))).position,
  };
};
