import { EventStoreDbEventLog } from '#event-log/eventstoredb/index';
import type { Bench, Group, Measured } from '../group';
import { inRounds, turn } from '../load';
import { adapterAppends, clientAppends, eventStoreUrl, msOfSubscription } from '../peers/eventstoredb';
import { createProductDatabase, openProjectorPool } from '../product';
import { median, ratios, shown } from '../statistics';
import { appendTask, tenantId } from '../tasks/events';
import { msOfLive, resetTasks } from '../tasks/live';

const unavailable = (): string | undefined => (eventStoreUrl ? undefined : 'EVENTSTORE_URL is not set');

export const eventStoreAppends: Group = {
  ids: ['eventstoredb.append.64'],
  unavailable,
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const { adapter, client } = await inRounds(pace.rounds, {
      adapter: () => turn(adapterAppends, 64, pace),
      client: () => turn(clientAppends, 64, pace),
    });
    const [ours, raw] = [adapter, client].map((loads) => loads.map(({ perSecond }) => perSecond));
    const detail = `${shown(median(ours ?? []))} appends/s to ${shown(median(raw ?? []))} of the client`;
    return [{ id: 'eventstoredb.append.64', samples: ratios(ours ?? [], raw ?? []), detail }];
  },
};

/** A backlog in EventStoreDB that is projected to PostgreSQL, compared with a subscription that only delivers it. */
export const eventStoreLive: Group = {
  ids: ['eventstoredb.project.live'],
  unavailable,
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const events = pace.short ? 10_000 : 50_000;
    const database = await createProductDatabase();
    const log = new EventStoreDbEventLog({ connectionString: eventStoreUrl });
    const pool = openProjectorPool(database.urls);
    const before = await log.head();
    let left = events;
    const write = async (): Promise<void> => {
      while (left-- > 0) await log.append(appendTask(tenantId(left % 1_000)));
    };
    await Promise.all(Array.from({ length: 64 }, write));
    const { ours, raw } = await inRounds(pace.rounds, {
      ours: async () => {
        await resetTasks(database.urls.owner, before);
        return msOfLive(log, pool);
      },
      raw: () => msOfSubscription(before, events),
    });
    await Promise.all([log.close(), pool.end()]);
    await database.drop();
    const rate = (ms: readonly number[]): string => shown((events * 1_000) / median(ms));
    const detail = `${rate(ours)} events/s to ${rate(raw)} of a subscription`;
    return [{ id: 'eventstoredb.project.live', samples: ratios(raw, ours), detail }];
  },
};
