import { Client } from 'pg';
import { type EventLog, START } from '../../libs/event-log/port';
import { createPostgresEventLog } from '../../libs/event-log/postgres/postgres-event-log';
import { uuidv7 } from '../../libs/platform/ids/uuid';
import { createTestDatabase, type TestDatabase } from '../../libs/testing/database';
import { seeds } from '../../libs/testing/seeds';

const TENANT = uuidv7();
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
  await client.query('select event_log.append_one($1, $2, $3, $4, 0, $5, null, null, null, $6, 1::smallint, $7)', [
    uuidv7(),
    TENANT,
    'thing',
    uuidv7(),
    'y',
    'Happened',
    '{}',
  ]);
  await new Promise((resolve) => setTimeout(resolve, ms));
  await client.query(commit ? 'commit' : 'rollback');
};

describe('a reader of the log, while writers commit late, early and not at all', () => {
  let database: TestDatabase;
  let logs: EventLog[];
  let slow: Client[];

  beforeAll(async () => {
    database = await createTestDatabase();
    logs = [1, 2].map(() => createPostgresEventLog({ connectionString: database.urls.log, pollMs: 20 }));
    slow = [1, 2].map(() => new Client({ connectionString: database.urls.log }));
    await Promise.all(slow.map((client) => client.connect()));
  });
  afterAll(async () => {
    await Promise.all(slow.map((client) => client.end()));
    await Promise.all(logs.map((log) => log.close()));
    await database.drop();
  });

  it('sees every committed event once and in order, by following and by asking page by page', async () => {
    const [one, two] = logs as [EventLog, EventLog];
    const followed: bigint[] = [];
    const asked: bigint[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const page of two.subscribe({ after: START, signal: stop.signal }))
        followed.push(...page.events.map((it) => it.position));
    })();
    const asking = (async () => {
      for (let after = START; !stop.signal.aborted; ) {
        const page = await two.readAll({ after, limit: 7 });
        asked.push(...page.events.map((it) => it.position));
        after = page.position;
      }
    })();
    const rounds = seeds(25);
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
    while ((followed.at(-1) ?? 0n) < last || (asked.at(-1) ?? 0n) < last)
      await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort();
    await Promise.all([following, asking]);
    expect(committed.length).toBe(rounds * 16 + slow.length * Math.floor((rounds * 2) / 3));
    expect(followed).toEqual(committed);
    expect(asked).toEqual(committed);
  });
});
