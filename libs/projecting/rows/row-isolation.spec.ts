import fc from 'fast-check';
import type { Pool } from 'pg';
import type { JsonValue, RecordedEvent } from '#event-log/port';
import { createPool, withClient } from '#platform/database/connections/pools';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { recorded } from '#testing/given-when-then';
import { seeds } from '#testing/seeds';
import { foldEvents } from '../fold/fold';
import { isDataError } from '../fold/poison';
import { defineProjection } from '../projection';
import { copyRows } from './copy';
import { RowBuffer } from './row-buffer';
import { rowStatement } from './row-statements';
import type { Row } from './tables';

jest.setTimeout(60_000 + seeds(100) * 200);

type ShapeEvent =
  | { type: 'ShapePut'; data: { [column: string]: JsonValue } }
  | { type: 'ShapePatched'; data: { [column: string]: JsonValue } };

const tables = {
  shapes: {
    key: ['tenant_id', 'name'],
    columns: {
      tenant_id: 'uuid',
      name: 'text',
      id: 'uuid',
      note: 'text',
      small: 'integer',
      large: 'bigint',
      flag: 'boolean',
      at: 'timestamptz',
      day: 'date',
      details: 'jsonb',
    },
  },
} as const;
const { key, columns } = tables.shapes;
const COLUMNS = Object.keys(columns) as (keyof typeof columns)[];
const VALUES = COLUMNS.filter((column) => !key.some((it) => it === column));

const keyOf = ({ stream, data }: { stream: { tenantId: string | null }; data: { [column: string]: JsonValue } }): Row =>
  ({ tenant_id: stream.tenantId, name: data['name'] }) as Row;

const shapes = defineProjection<ShapeEvent, typeof tables>({
  ...{ name: 'shapes', version: 1, schema: '', tables },
  on: {
    ShapePut: (event, rows) => rows.shapes.put({ ...event.data, ...keyOf(event) } as Row),
    ShapePatched: (event, rows) => {
      const { name: _, ...changed } = event.data;
      rows.shapes.patch(keyOf(event), changed as Row);
    },
  },
});

const [ONE, OTHER] = ['01900000-0000-7000-8000-00000000000a', '01900000-0000-7000-8000-00000000000b'];
const harmless = {
  ...{ name: 'plain', id: '01900000-0000-7000-8000-0000000000cc', note: 'of the other tenant', small: 1, large: 2 },
  ...{ flag: true, at: '2026-01-02T03:04:05.678Z', day: '2026-01-02', details: '{"a": 1}' },
};
const event = (tenantId: string, type: ShapeEvent['type'], data: { [column: string]: JsonValue }, position: bigint) =>
  recorded({ type, data, position, stream: { tenantId, aggregate: 'shape', id: tenantId } });

/** Characters and words with a special meaning in an array literal, in COPY or for an input function. */
const SPECIAL_TEXTS = [
  ...['X,Y', ',', '{', '}', '{}', '"', '\\', '\\N', '\\.', 'NULL', 'null', '', ' ', '\n', '\t', '\r', '\v', "'", '\0'],
  ...['a\tb\nc', '\n\\.\n', '\ud800', 'infinity', 'now', 'today', 'epoch', '1e400', '99999999999', '0x10', 't', 'NaN'],
  ...[
    '2026-02-31',
    '2026-13-01T00:00:00Z',
    '+010000-01-01T00:00:00.000Z',
    '0000-01-01',
    '{"a":"\\u0000"}',
    '[1e999999]',
  ],
  ...[harmless.id.toUpperCase(), `{${harmless.id}}`, harmless.id.replaceAll('-', '')],
];
const nested = (depth: number): JsonValue => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as JsonValue;
const anyValue: fc.Arbitrary<JsonValue> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(fc.constantFrom(...SPECIAL_TEXTS), { minLength: 1, maxLength: 3 }).map((it) => it.join('')),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 2, arbitrary: fc.constantFrom<JsonValue>(2 ** 31, -(2 ** 31) - 1, 1e300, 0.5, 2 ** 53, -0, true, null) },
  { weight: 2, arbitrary: fc.constantFrom<JsonValue>({ toString: 0 }, { toString: 0, valueOf: 0 }, nested(5_000), []) },
  { weight: 2, arbitrary: fc.jsonValue() as fc.Arbitrary<JsonValue> },
);
/** One to three columns hold any value; the others hold values of their type. */
const anyChange = fc.record({
  data: fc.dictionary(fc.constantFrom('name', ...VALUES), anyValue, { minKeys: 1, maxKeys: 3 }),
  patches: fc.boolean(),
});

const eventsOf = (changes: readonly { data: { [column: string]: JsonValue }; patches: boolean }[]): RecordedEvent[] => [
  event(ONE as string, 'ShapePut', { ...harmless, name: 'first' }, 1n),
  ...changes.map(({ data, patches }, at) =>
    patches
      ? event(ONE as string, 'ShapePatched', { name: 'first', ...data }, BigInt(at + 2))
      : event(ONE as string, 'ShapePut', { ...harmless, ...data }, BigInt(at + 2)),
  ),
  event(OTHER as string, 'ShapePut', harmless, 100n),
];

describe('the values of one event', () => {
  let database: TestDatabase;
  let pool: Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    const body = COLUMNS.map((column) => `${column} ${columns[column]}`).join(', ');
    await pool.query(`create schema live; create table live.shapes (${body}, primary key (tenant_id, name));
      create schema loading; create table loading.shapes (${body})`);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const columnsAsText = COLUMNS.map((column) => `${column}::text`).join(', ');
  const rowsOf = (schema: string) =>
    withClient(pool, async (client) => {
      const { rows } = await client.query<Record<string, string | null>>(
        `select ${columnsAsText} from ${schema}.shapes order by tenant_id, name`,
      );
      return rows;
    });
  const truncate = (schema: string) => withClient(pool, (client) => client.query(`truncate ${schema}.shapes`));
  /** @returns false if the database refused the rows */
  const isWritten = async (write: Promise<unknown>): Promise<boolean> => {
    try {
      await write;
      return true;
    } catch (error) {
      if (isDataError(error)) return false;
      throw error;
    }
  };

  const folded = (events: readonly RecordedEvent[]) => {
    const buffer = new RowBuffer(tables);
    foldEvents(shapes, events, new Set(), buffer);
    return buffer;
  };
  const puts = (buffer: RowBuffer): Row[] =>
    [...(buffer.folded.get('shapes')?.values() ?? [])].flatMap((it) => (it.kind === 'put' ? [it.row] : []));

  const writeByStatement = (buffer: RowBuffer): Promise<unknown> => {
    const { expressions, values } = rowStatement('live', tables, buffer.folded, 'true', 1);
    const text = `with ${expressions.map((sql, at) => `r${at} as (${sql})`).join(', ')} select 1`;
    return withClient(pool, (client) => client.query(text, values));
  };
  const writeByCopy = (buffer: RowBuffer): Promise<void> =>
    withClient(pool, (client) => copyRows(client, 'loading', 'shapes', tables.shapes, puts(buffer)));

  const requireIsolated = async (schema: string, buffer: RowBuffer, expected: unknown): Promise<void> => {
    const rows = await rowsOf(schema);
    expect(rows.filter((row) => row['tenant_id'] === OTHER)).toEqual(expected);
    const own = rows.filter((row) => row['tenant_id'] === ONE);
    const written = puts(buffer).filter((row) => row['tenant_id'] === ONE);
    const textsOf = (all: readonly (Row | (typeof rows)[number])[]) =>
      all.map(({ name, note }) => JSON.stringify([name, note])).sort();
    expect(textsOf(own)).toEqual(textsOf(written));
    expect(rows).toHaveLength(own.length + 1);
  };

  it('are stored unchanged and change no row of another event, by the statement of the live projection', async () => {
    await truncate('live');
    await writeByStatement(folded(eventsOf([]).slice(-1)));
    const expected = await rowsOf('live');
    await fc.assert(
      fc.asyncProperty(fc.array(anyChange, { minLength: 1, maxLength: 3 }), async (changes) => {
        await truncate('live');
        const buffer = folded(eventsOf(changes));
        if (await isWritten(writeByStatement(buffer))) await requireIsolated('live', buffer, expected);
      }),
      { numRuns: seeds(100) },
    );
  });

  /** Texts that would be rows of another tenant, or would end the rows, if they were sent without escapes. */
  const INJECTIONS = [
    ...['a\tb', 'a\nb', 'a\rb', '\\', '\\N', '\\.', '\n\\.\n', 'X,Y', '{X,Y}', '","', '"', 'NULL'],
    [harmless.note, '1', '2', 't', harmless.at, harmless.day, `{}\n${OTHER}`, 'injected', harmless.id, 'x'].join('\t'),
  ];

  it.each(['statement', 'COPY'])(
    'are stored as texts if they contain the syntax of rows of another tenant, by %s',
    async (method) => {
      const schema = method === 'COPY' ? 'loading' : 'live';
      await truncate(schema);
      const notes = INJECTIONS.map((note, at) =>
        event(ONE as string, 'ShapePut', { ...harmless, name: `${at}`, note }, BigInt(at + 1)),
      );
      await (method === 'COPY' ? writeByCopy : writeByStatement)(folded(notes));
      const rows = await rowsOf(schema);
      expect(new Set(rows.map((row) => row['tenant_id']))).toEqual(new Set([ONE]));
      expect(rows.map(({ note }) => note).sort()).toEqual([...INJECTIONS].sort());
    },
  );

  it('are stored unchanged and change no row of another event, by the COPY of a rebuild', async () => {
    await truncate('loading');
    await writeByCopy(folded(eventsOf([]).slice(-1)));
    const expected = await rowsOf('loading');
    await fc.assert(
      fc.asyncProperty(fc.array(anyChange, { minLength: 1, maxLength: 3 }), async (changes) => {
        await truncate('loading');
        const buffer = folded(eventsOf(changes));
        if (await isWritten(writeByCopy(buffer))) await requireIsolated('loading', buffer, expected);
      }),
      { numRuns: seeds(100) },
    );
  });
});
