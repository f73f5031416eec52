import type { Pool } from 'pg';
import type { RecordedEvent } from '#event-log/port';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { OPERATOR_CAUSE as CAUSE } from '#testing/operators';
import { eventually } from '#testing/worlds/rebuild-world';
import { appendFacts } from '../facts/append-facts';
import { createFactStore } from '../facts/fact-store';
import { createOperators, NoSuchOperator, type Operator } from './operators';

const REASON = 'because of the test';
const ACTION = { action: 'keys.revoke', target: 'key-1', tenantId: null, reason: REASON } as const;

describe('operators', () => {
  let database: TestDatabase;
  let pool: Pool;
  let projector: Pool;
  let owner: Pool;
  let operators: ReturnType<typeof createOperators>;
  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.operator, max: 4, applicationName: 'test' });
    projector = createPool({ url: database.urls.projector, max: 2, applicationName: 'test' });
    owner = createPool({ url: database.urls.owner, max: 3, applicationName: 'test' });
    operators = createOperators(pool);
  });
  beforeEach(() => owner.query('delete from identity.operators; delete from identity.facts'));
  afterAll(async () => {
    await Promise.all([pool.end(), projector.end(), owner.end()]);
    await database.drop();
  });

  const find = async (name: string): Promise<Operator> => (await operators.find({ name })) as Operator;
  const addFirst = async (): Promise<Operator> => {
    await operators.add('ada', null, REASON, CAUSE);
    return find('ada');
  };
  /** The events of an operator, after a worker has appended the facts. */
  const historyOf = async ({ id }: Operator): Promise<RecordedEvent[]> => {
    const log = new InMemoryEventLog();
    await appendFacts({ store: createFactStore(projector), log, isCreated: async () => true, logger: silentLogger });
    return log.readStream({ tenantId: null, aggregate: 'operators', id });
  };

  it('have a history: the first one adds themselves, and what each one does has a reason', async () => {
    const ada = await addFirst();
    const [tokenId, expiresAt] = [uuidv7(), new Date(1_900_000_000_000)];
    await operators.recordToken(ada.id, tokenId, expiresAt, CAUSE);
    await operators.recordAction(ada.id, ACTION, { ...CAUSE, correlationId: 'request-7' });
    const events = await historyOf(ada);
    const at = expect.stringMatching(/^\d{4}-.*Z$/);
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['OperatorAdded', { name: 'ada', reason: REASON, at }],
      ['OperatorTokenIssued', { tokenId, expiresAt: expect.stringMatching(/^2030-03-17T/), at }],
      ['OperatorActed', { ...ACTION, at }],
    ]);
    for (const { actor } of events) expect(actor).toEqual({ kind: 'operator', id: ada.id });
    expect(events.map(({ correlationId }) => correlationId)).toEqual(['test', 'test', 'request-7']);
  });

  it('are added and removed by operators only, who are the actors in the history', async () => {
    const ada = await addFirst();
    await expect(operators.add('grace', null, REASON, CAUSE)).rejects.toThrow(NoSuchOperator);
    await expect(operators.add('grace', uuidv7(), REASON, CAUSE)).rejects.toThrow(NoSuchOperator);
    expect(await operators.add('grace', ada.id, REASON, CAUSE)).toBe('added');
    const grace = await find('grace');
    await expect(operators.remove('grace', uuidv7(), REASON, CAUSE)).rejects.toThrow(NoSuchOperator);
    expect(await operators.remove('GRACE', ada.id, REASON, CAUSE)).toBe('removed');
    expect(await operators.remove('grace', ada.id, REASON, CAUSE)).toBe('unknown');
    const history = await historyOf(grace);
    expect(history.map(({ type, actor }) => [type, actor])).toEqual([
      ['OperatorAdded', { kind: 'operator', id: ada.id }],
      ['OperatorRemoved', { kind: 'operator', id: ada.id }],
    ]);
  });

  it('have names that differ also without upper case, and a new id if they are added again', async () => {
    const ada = await addFirst();
    expect(await operators.add('Ada', ada.id, REASON, CAUSE)).toBe('exists');
    await operators.add('grace', ada.id, REASON, CAUSE);
    const before = await find('grace');
    await operators.remove('grace', ada.id, REASON, CAUSE);
    expect(await operators.find({ name: 'grace' })).toBeUndefined();
    expect(await operators.find({ id: before.id })).toBeUndefined();
    await operators.add('grace', ada.id, REASON, CAUSE);
    expect((await find('Grace')).id).not.toBe(before.id);
    expect((await operators.list()).map(({ name, removedAt }) => [name, removedAt !== null])).toEqual([
      ['ada', false],
      ['grace', true],
      ['grace', false],
    ]);
  });

  it('cannot do anything after they were removed, and nothing is recorded', async () => {
    const ada = await addFirst();
    await operators.remove('ada', ada.id, REASON, CAUSE);
    await expect(operators.recordAction(ada.id, ACTION, CAUSE)).rejects.toThrow(NoSuchOperator);
    await expect(operators.recordToken(ada.id, uuidv7(), new Date(), CAUSE)).rejects.toThrow(NoSuchOperator);
    expect((await historyOf(ada)).map(({ type }) => type)).toEqual(['OperatorAdded', 'OperatorRemoved']);
  });

  it('have one first operator, also if several are added as the first at the same time', async () => {
    const results = await Promise.allSettled(
      ['ada', 'grace', 'linus', 'max'].map((name) => operators.add(name, null, REASON, CAUSE)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await operators.list()).toHaveLength(1);
  });

  it('are removed after what they do at the same time was recorded', async () => {
    const ada = await addFirst();
    const client = await owner.connect();
    await client.query('begin');
    await client.query(`select identity.record_operator_action($1, 'keys.revoke', null, null, 'x', null)`, [ada.id]);
    const removed = operators.remove('ada', ada.id, REASON, CAUSE);
    await eventually(async () => {
      const { rows } = await owner.query(`select from pg_stat_activity where wait_event_type = 'Lock'
        and datname = current_database()`);
      return rows.length > 0;
    });
    await client.query('commit');
    client.release();
    expect(await removed).toBe('removed');
    const history = await historyOf(ada);
    expect(history.map(({ type }) => type)).toEqual(['OperatorAdded', 'OperatorActed', 'OperatorRemoved']);
  });
});
