import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type EventLog, START } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { uuidv7 } from '#platform/ids/uuid';
import { createTestDatabase } from '#testing/database';

const TENANT = uuidv7();
/** ms that the readers have to reach the head at the end. */
const WAIT_MS = 10_000;

const append = (): Parameters<EventLog['append']>[0] => ({
  stream: { tenantId: TENANT, aggregate: 'thing', id: uuidv7() },
  expected: 0,
  events: [{ type: 'Happened', data: {} }],
  commandId: uuidv7(),
  actor: { kind: 'system' },
  correlationId: 'race',
});

/** Appends one event by SQL, and commits or rolls back after a pause of `ms`. */
const appendSlowly = async (client: Client, ms: number, commit: boolean): Promise<void> => {
  await client.query('begin');
  await client.query(
    'select event_log.append_one($1, $2, $3, $4, 0, $5, null, null, null, $6, 1::smallint, $7, null, null)',
    [uuidv7(), TENANT, 'thing', uuidv7(), 'y', 'Happened', '{}'],
  );
  await sleep(ms);
  await client.query(commit ? 'commit' : 'rollback');
};

/** Positions of events. */
export interface Observed {
  /** All events of the log at the end. */
  readonly committed: readonly bigint[];
  /** The events that a subscription received. */
  readonly subscribed: readonly bigint[];
  /** The events that were read page by page. */
  readonly paged: readonly bigint[];
}

type Reader = Pick<EventLog, 'readAll' | 'subscribe'>;

/**
 * Reads the log by a subscription and by pages, while writers commit early, late or not at all.
 * @param wrap returns the log that the readers use; a test can put a bug into it
 */
export const readDuringSlowCommits = async (
  rounds: number,
  wrap = (log: EventLog): Reader => log,
): Promise<Observed> => {
  const database = await createTestDatabase();
  const open = (): EventLog => createPostgresEventLog({ connectionString: database.urls.log, pollMs: 20 });
  const [one, two] = [open(), open()];
  const slow = [1, 2].map(() => new Client({ connectionString: database.urls.log }));
  await Promise.all(slow.map((client) => client.connect()));
  const reader = wrap(two);
  const subscribed: bigint[] = [];
  const paged: bigint[] = [];
  const stop = new AbortController();
  const subscription = (async () => {
    for await (const page of reader.subscribe({ after: START, signal: stop.signal }))
      subscribed.push(...page.events.map((it) => it.position));
  })();
  const paging = (async () => {
    for (let after = START; !stop.signal.aborted; ) {
      const page = await reader.readAll({ after, limit: 7 });
      paged.push(...page.events.map((it) => it.position));
      after = page.position;
    }
  })();
  await Promise.all([
    ...slow.map(async (client, at) => {
      for (let i = 0; i < rounds; i++) await appendSlowly(client, ((i * 7 + at * 3) % 5) * 4, i % 3 !== 0);
    }),
    ...[one, two, one, two].map(async (log) => {
      for (let i = 0; i < rounds * 4; i++) await log.append(append());
    }),
  ]);
  const committed: bigint[] = [];
  for (let after = START; ; ) {
    const page = await one.readAll({ after, limit: 1_000 });
    committed.push(...page.events.map((it) => it.position));
    after = page.position;
    if (page.caughtUp) break;
  }
  const last = committed.at(-1) ?? 0n;
  const behind = (): boolean => [subscribed, paged].some((seen) => (seen.at(-1) ?? 0n) < last);
  for (const end = Date.now() + WAIT_MS; behind() && Date.now() < end; ) await sleep(10);
  stop.abort();
  await Promise.all([subscription, paging]);
  await Promise.all([...slow.map((client) => client.end()), one.close(), two.close()]);
  await database.drop();
  return { committed, subscribed, paged };
};
