import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type EventLog, START } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { uuidv7 } from '#platform/ids/uuid';
import { createTestDatabase } from '#testing/database';

const TENANT = uuidv7();
const PATIENCE_MS = 10_000;

const append = (): Parameters<EventLog['append']>[0] => ({
  stream: { tenantId: TENANT, aggregate: 'thing', id: uuidv7() },
  expected: 0,
  events: [{ type: 'Happened', data: {} }],
  commandId: uuidv7(),
  actor: { kind: 'system' },
  correlationId: 'race',
});

/** One append by hand, in a transaction that takes its time between writing and committing, or never commits. */
const dawdle = async (client: Client, ms: number, commit: boolean): Promise<void> => {
  await client.query('begin');
  await client.query(
    'select event_log.append_one($1, $2, $3, $4, 0, $5, null, null, null, $6, 1::smallint, $7, null)',
    [uuidv7(), TENANT, 'thing', uuidv7(), 'y', 'Happened', '{}'],
  );
  await sleep(ms);
  await client.query(commit ? 'commit' : 'rollback');
};

export interface Observed {
  /** Positions of what is in the log in the end; of what a subscription saw; of what reading page by page saw. */
  readonly committed: readonly bigint[];
  readonly followed: readonly bigint[];
  readonly asked: readonly bigint[];
}

type Reader = Pick<EventLog, 'readAll' | 'subscribe'>;

/**
 * Reads the log in both ways while writers commit late, early and not at all.
 * @param between stands between the log and its readers: the place for a bug
 */
export const readWhileOthersDawdle = async (
  rounds: number,
  between = (log: EventLog): Reader => log,
): Promise<Observed> => {
  const database = await createTestDatabase();
  const open = (): EventLog => createPostgresEventLog({ connectionString: database.urls.log, pollMs: 20 });
  const [one, two] = [open(), open()];
  const slow = [1, 2].map(() => new Client({ connectionString: database.urls.log }));
  await Promise.all(slow.map((client) => client.connect()));
  const reader = between(two);
  const followed: bigint[] = [];
  const asked: bigint[] = [];
  const stop = new AbortController();
  const following = (async () => {
    for await (const page of reader.subscribe({ after: START, signal: stop.signal }))
      followed.push(...page.events.map((it) => it.position));
  })();
  const asking = (async () => {
    for (let after = START; !stop.signal.aborted; ) {
      const page = await reader.readAll({ after, limit: 7 });
      asked.push(...page.events.map((it) => it.position));
      after = page.position;
    }
  })();
  await Promise.all([
    ...slow.map(async (client, at) => {
      for (let i = 0; i < rounds; i++) await dawdle(client, ((i * 7 + at * 3) % 5) * 4, i % 3 !== 0);
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
  const behind = (): boolean => [followed, asked].some((seen) => (seen.at(-1) ?? 0n) < last);
  for (const end = Date.now() + PATIENCE_MS; behind() && Date.now() < end; ) await sleep(10);
  stop.abort();
  await Promise.all([following, asking]);
  await Promise.all([...slow.map((client) => client.end()), one.close(), two.close()]);
  await database.drop();
  return { committed, followed, asked };
};
