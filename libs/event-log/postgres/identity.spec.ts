import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { anAppend, aStream, facts } from '../contract/support';
import { type EventLog, PositionsBehind, START } from '../port';
import { createPostgresEventLog } from './postgres-event-log';

jest.setTimeout(60_000);

describe("the sequence of the log's positions, if it is behind the last event", () => {
  let database: TestDatabase;
  let log: EventLog;

  beforeEach(async () => {
    database = await createTestDatabase();
    log = createPostgresEventLog({ connectionString: database.urls.log });
    for (let i = 0; i < 5; i++) await log.append(anAppend());
  });
  afterEach(async () => {
    await log.close();
    await database.drop();
  });

  const asOwner = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: database.urls.owner });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  /** The state after a logical restore that left out the sequence. */
  const resetSequence = (): Promise<void> => asOwner("select setval('event_log.positions', 1, false)");

  it.each([
    ['one event', () => [anAppend()]],
    ['one event with any expected version', () => [anAppend({ expected: 'any' })]],
    ['several events', () => [anAppend({ events: facts(3) })]],
    ['one event each to many streams at once', () => Array.from({ length: 20 }, () => anAppend())],
  ])('does not fail an append of %s, which gets a position after all events', async (_, appends) => {
    const head = await log.head();
    await resetSequence();
    const results = await Promise.all(appends().map((append) => log.append(append)));
    for (const { position } of results) expect(position).toBeGreaterThan(head);
  });

  it('assigns no position that readers have passed, even if the first events were erased', async () => {
    const tenantId = aStream().tenantId ?? '';
    await log.append(anAppend({ stream: aStream(tenantId) }));
    const { position: head } = await log.append(anAppend());
    await asOwner('delete from event_log.events where position < 6');
    await resetSequence();
    const { position } = await log.append(anAppend());
    expect(position).toBeGreaterThan(head);
    expect((await log.readAll({ after: head, limit: 10 })).events).toHaveLength(1);
  });

  it('is raised by checkPositions', async () => {
    await resetSequence();
    await log.checkPositions();
    await asOwner(`do $$ begin
      if (select last_value from event_log.positions) < 5 then raise 'it was not raised'; end if; end $$`);
  });

  it('is described in the error if it cannot be raised', async () => {
    await resetSequence();
    await asOwner('revoke execute on function event_log.raise_positions from tenantry_test_log');
    const thrown = await log.checkPositions().catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(PositionsBehind);
    expect((thrown as Error).message).toMatch(
      /is at 0, behind the last event at 5.*setval\('event_log.positions', 5\)/,
    );
    await asOwner('grant execute on function event_log.raise_positions to tenantry_test_log');
    expect(await log.lastEvent(START)).toBeUndefined();
  });
});
