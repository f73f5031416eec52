import { RemoveMember } from '#domain/tenant/decide-members';
import { memberOf } from '#domain/tenant/evolve';
import { EraseUser } from '#domain/user/decide';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import type { ErasedMembership, ErasureEvents } from '#identity/sagas/erasure';
import type { ScopedDb } from '#platform/database/scoped/scoped-db';
import { membershipsOf } from '#projections/members/queries';
import type { TenantStates } from './tenant-states';

interface ErasureDeps {
  readonly execute: (command: RemoveMember | EraseUser) => Promise<CommandResult>;
  readonly db: ScopedDb;
  readonly stateOf: TenantStates;
}

/** Sends the events of an erasure as commands to the aggregates. */
export const createErasureEvents = ({ execute, db, stateOf }: ErasureDeps): ErasureEvents => {
  /**
   * The read model lists the tenants of the user. The role comes from the tenant's stream, which is always up to date.
   */
  const membershipIn = async (tenantId: string, userId: string): Promise<ErasedMembership[]> => {
    const tenant = await stateOf(tenantId);
    const member = memberOf(tenant, userId);
    if (tenant.status !== 'open' || !member) return [];
    const soleOwner = member.role === 'owner' && tenant.owners === 1;
    return [{ tenantId, companyName: tenant.name, role: member.role, soleOwner }];
  };

  return {
    membershipsOf: async (userId) => {
      const listed = await membershipsOf(db.user(userId));
      return (await Promise.all(listed.map(({ tenantId }) => membershipIn(tenantId, userId)))).flat();
    },
    leave: async (tenantId, userId, context) => {
      const leaving = { by: userId, userId, reason: 'erased', at: new Date().toISOString() } as const;
      await execute(new RemoveMember(tenantId, leaving, context));
    },
    eraseUser: async (userId, context) => (await execute(new EraseUser(userId, context))).position,
  };
};
