import { performance } from 'node:perf_hooks';
import { openCommandBus } from '#commands/command-bus';
import { JoinTenant } from '#domain/tenant/decide-invitations';
import type { TenantEvent } from '#domain/tenant/events';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import type { EventLog } from '#event-log/port';
import { unlimited } from '#plans/limit-guard.port';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { createTestDatabase } from '#testing/database';
import type { Bench, Group, Measured } from '../group';
import { type Contender, inRounds, turn } from '../load';
import { openLog, productAppends } from '../product';
import { median, ratios, shown } from '../statistics';
import { tenantId } from '../tasks/events';

const TENANTS = 500;
/** Users who join one tenant at the same time, half of them through a second store, as in another process. */
const AT_ONCE = 100;
const TOKEN_HASH = 'f'.repeat(64);

/** Creates a tenant with an invitation link that anyone can use. */
const createTenant = (log: EventLog, id: string): Promise<unknown> => {
  const ownerId = uuidv7();
  const events: TenantEvent[] = [
    { type: 'TenantCreated', data: { name: 'Acme', slug: 'acme', ownerId, plan: 'free' } },
    {
      type: 'MemberInvited',
      data: {
        ...{ invitationId: uuidv7(), role: 'member', maxUses: 10_000, tokenHash: TOKEN_HASH, emailDomains: [] },
        ...{ expiresAt: '2999-01-01T00:00:00.000Z', invitedBy: ownerId },
      },
    },
  ];
  const stream = { tenantId: id, aggregate: 'tenant', id };
  const actor = { kind: 'system' } as const;
  return log.append({ stream, expected: 0, events, commandId: uuidv7(), actor, correlationId: 'bench' });
};

const openJoins = async (log: EventLog) => {
  const options = { store: new AggregateStore({ log }), limits: unlimited, logger: silentLogger };
  const { bus, close } = await openCommandBus(options);
  const join = (tenant: string): Promise<unknown> => {
    const userId = uuidv7();
    const commandId = uuidv7();
    const wanted = { userId, tokenHash: TOKEN_HASH, emailDomain: 'acme.example', at: new Date().toISOString() };
    const context = { commandId, actor: { kind: 'user', id: userId }, correlationId: commandId } as const;
    return bus.execute(new JoinTenant(tenant, wanted, context));
  };
  return { join, close };
};

/**
 * Joins by invitation, compared with plain appends. A join decides on the tenant's state and appends. 64 joins, each
 * for a different tenant, are in progress at the same time. Each turn creates new tenants, so that every round measures
 * the same: with the tenants of an earlier round, it would begin by reading all their joins.
 */
export const joining: Group = {
  ids: ['command.join'],
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const database = await createTestDatabase();
    const log = openLog(database);
    let created = 0;
    const joins: Contender = {
      open: async () => {
        const first = created;
        for (; created < first + TENANTS; created += 50)
          await Promise.all(Array.from({ length: 50 }, (_, n) => createTenant(log, tenantId(created + n))));
        const own = openLog(database);
        const { join, close } = await openJoins(own);
        let next = 0;
        // Joins that are in flight at the same time are for different tenants.
        return {
          operation: () => join(tenantId(first + (next++ % TENANTS))),
          close: () => close().then(() => own.close()),
        };
      },
    };
    const appends = productAppends(database, TENANTS);
    const { ours, plain } = await inRounds(pace.rounds, {
      ours: () => turn(joins, 64, pace),
      plain: () => turn(appends, 64, pace),
    });

    const crowded = uuidv7();
    await createTenant(log, crowded);
    const other = openLog(database);
    const [here, there] = await Promise.all([openJoins(log), openJoins(other)]);
    const began = performance.now();
    // Rejects if a client would have received a conflict.
    await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => (at % 2 === 0 ? here : there).join(crowded)));
    const ms = performance.now() - began;

    await Promise.all([here.close(), there.close()]);
    await Promise.all([log.close(), other.close()]);
    await database.drop();
    const rates = (loads: typeof ours): number[] => loads.map(({ perSecond }) => perSecond);
    const detail = `${shown(median(rates(ours)))} joins/s to ${shown(median(rates(plain)))} appends/s; ${AT_ONCE} at once to one tenant over two stores in ${shown(ms)} ms, no conflict`;
    return [{ id: 'command.join', samples: ratios(rates(ours), rates(plain)), detail }];
  },
};
