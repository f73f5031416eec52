import { performance } from 'node:perf_hooks';
import type { TenantEvent } from '#domain/tenant/events';
import { type Tenant, tenantFold } from '#domain/tenant/evolve';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { noSnapshots, type Snapshots } from '#event-log/aggregate/snapshots';
import type { EventLog } from '#event-log/port';
import { createPostgresSnapshots } from '#event-log/postgres/snapshots';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { createTestDatabase } from '#testing/database';
import type { Bench, Group, Measured } from '../group';
import { inRounds } from '../load';
import { createEmmettDatabase, openEmmett } from '../peers/emmett';
import { openLog } from '../product';
import { median, ratios, shown } from '../statistics';
import { tenantId } from '../tasks/events';

const EVENTS = 10_000;
/** Snapshots are written every 500 events, so on average a snapshot is this many events behind. */
const BEHIND = 250;
const BATCH = 250;

const tenant = tenantId(1);
const stream = { tenantId: tenant, aggregate: tenantFold.aggregate, id: tenant };

const eventAt = (at: number): TenantEvent =>
  at === 0
    ? { type: 'TenantCreated', data: { name: 'Acme', slug: 'acme', ownerId: tenantId(2), plan: 'free' } }
    : { type: 'TenantRenamed', data: { name: `Acme ${at}`, slug: `acme-${at}` } };

const batchFrom = (at: number): TenantEvent[] => Array.from({ length: BATCH }, (_, place) => eventAt(at + place));

const appendBatch = (log: EventLog, at: number): Promise<unknown> => {
  const commandId = uuidv7();
  const actor = { kind: 'system' } as const;
  return log.append({ stream, expected: at, events: batchFrom(at), commandId, actor, correlationId: commandId });
};

const storeWith = (log: EventLog, snapshots: Snapshots): AggregateStore =>
  // Nothing is cached, as in a process that has never loaded the stream.
  new AggregateStore({ log, snapshots, cached: 0 });

/** ms of one load, the median of a few. */
const msOf = async (load: () => Promise<{ state: Tenant }>, times: number): Promise<number> => {
  const took: number[] = [];
  for (let time = 0; time < times; time++) {
    const began = performance.now();
    const { state } = await load();
    took.push(performance.now() - began);
    if (state.status !== 'open' || state.name !== `Acme ${EVENTS - 1}`) throw new Error('the loaded state is wrong');
  }
  return median(took);
};

/** The load of a long stream, with which a command begins. */
export const streamLoad: Group = {
  ids: ['stream.load'],
  measure: async ({ server, pace }: Bench): Promise<Measured[]> => {
    const database = await createTestDatabase();
    const log = openLog(database);
    const emmettUrl = await createEmmettDatabase(server.url, 'tenantry_bench_emmett_stream');
    const emmett = openEmmett(emmettUrl, 2);
    const pool = createPool({ url: database.urls.log, max: 2, applicationName: 'tenantry-bench-snapshots' });
    const saved = createPostgresSnapshots(pool);
    for (let at = 0; at < EVENTS; at += BATCH) {
      if (at === EVENTS - BEHIND) await storeWith(log, saved).load(tenantFold, stream);
      await appendBatch(log, at);
      await emmett.store.appendToStream(`tenant-${tenant}`, batchFrom(at), { expectedStreamVersion: BigInt(at) });
    }
    const aggregate = () =>
      emmett.store.aggregateStream<Tenant, TenantEvent>(`tenant-${tenant}`, {
        // Emmett does not pass the version of an event. The cost of the fold is the same.
        evolve: (state: Tenant, event: TenantEvent) => tenantFold.evolve(state, event, 0),
        initialState: () => tenantFold.initial,
      });
    const times = pace.short ? 3 : 9;
    const results = await inRounds(pace.rounds, {
      snapshot: () => msOf(() => storeWith(log, saved).load(tenantFold, stream), times),
      whole: () => msOf(() => storeWith(log, noSnapshots).load(tenantFold, stream), times),
      emmett: () => msOf(aggregate, times),
    });
    await Promise.all([emmett.close(), pool.end(), log.close()]);
    await database.drop();
    const [snapshot, whole, theirs] = [results.snapshot, results.whole, results.emmett].map(median).map(shown);
    const factor = shown(median(ratios(results.emmett, results.whole)));
    const detail = `${snapshot} ms with a snapshot ${BEHIND} events back, ${whole} ms without one (${factor} times as fast), Emmett's ${theirs} ms`;
    return [{ id: 'stream.load', samples: ratios(results.emmett, results.snapshot), detail }];
  },
};
