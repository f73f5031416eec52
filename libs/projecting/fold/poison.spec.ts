import fc from 'fast-check';
import type { Pool } from 'pg';
import type { RecordedEvent } from '#event-log/port';
import { createPool } from '#platform/database/connections/pools';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { recorded } from '#testing/given-when-then';
import { seeds } from '#testing/seeds';
import { defineProjection } from '../projection';
import { parkedAt } from './fold';
import { findRefusedEvents } from './poison';

type WordEvent = { type: 'WordSaid'; data: { word: string } };

const tables = {
  words: { key: ['partition', 'position'], columns: { partition: 'uuid', position: 'bigint', word: 'text' } },
} as const;

const partitionId = (partition: number): string => `01900000-0000-7000-8000-${partition.toString().padStart(12, '0')}`;
const wordEvent = (position: number, partition: number, word: string): RecordedEvent => {
  const stream = { tenantId: partitionId(partition), aggregate: 'word', id: partitionId(partition) };
  return recorded({ type: 'WordSaid', data: { word }, position: BigInt(position), stream });
};
const positionsOf = (parked: readonly { readonly partition: string; readonly position: bigint }[]) =>
  parked.map(({ partition, position }) => [partition, Number(position)]).sort();

describe('the search for events that the database refuses', () => {
  let database: TestDatabase;
  let pool: Pool;
  let trials = 0;
  const words = defineProjection<WordEvent, typeof tables>({
    ...{ name: 'words', version: 1, schema: '', tables },
    on: {
      WordSaid: ({ stream, position, data: { word } }, rows) => {
        // The first event is folded in every trial.
        if (position === 1n) trials++;
        rows.words.put({ partition: stream.tenantId, position, word });
      },
    },
  });
  const find = (events: readonly RecordedEvent[], parked = [] as Parameters<typeof findRefusedEvents>[3]) =>
    findRefusedEvents(pool, words, events, parked, 'saying');

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    await pool.query(`create schema saying; create table saying.words (partition uuid, position bigint,
      word text check (word <> 'bad'), primary key (partition, position));
      create unique index on saying.words (word) where word like 'once%'`);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });
  beforeEach(() => {
    trials = 0;
  });

  it('finds the last one of 2,000 events in at most 24 trials', async () => {
    const events = Array.from({ length: 2_000 }, (_, at) => wordEvent(at + 1, at % 7, at === 1_999 ? 'bad' : 'good'));
    expect(positionsOf(await find(events))).toEqual([[partitionId(1_999 % 7), 2_000]]);
    expect(trials).toBeLessThanOrEqual(24);
  });

  it('parks a partition at the earlier event if a handler has refused a later one', async () => {
    const [good, bad, refused] = [wordEvent(1, 1, 'good'), wordEvent(2, 1, 'bad'), wordEvent(3, 1, 'good')];
    const parked = await find([good, bad, refused], [parkedAt(refused, new Error('refused'))]);
    expect(positionsOf(parked)).toEqual([[partitionId(1), 2]]);
  });

  it('parks the partition of the later event if the rows of two partitions conflict', async () => {
    const events = [wordEvent(1, 1, 'once upon a time'), wordEvent(2, 2, 'good'), wordEvent(3, 2, 'once upon a time')];
    expect(positionsOf(await find(events))).toEqual([[partitionId(2), 3]]);
  });

  it('finds the first refused event of each partition and no other, wherever they are', async () => {
    const anyEvent = fc.record({
      partition: fc.nat({ max: 4 }),
      bad: fc.integer({ min: 0, max: 9 }).map((it) => it === 0),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyEvent, { maxLength: 60 }), async (generated) => {
        const events = generated.map(({ partition, bad }, at) => wordEvent(at + 1, partition, bad ? 'bad' : 'good'));
        const first = new Map<string, number>();
        for (const [at, { partition, bad }] of generated.entries())
          if (bad && !first.has(partitionId(partition))) first.set(partitionId(partition), at + 1);
        expect(positionsOf(await find(events))).toEqual([...first].sort());
      }),
      { numRuns: seeds(30) },
    );
  });
});
