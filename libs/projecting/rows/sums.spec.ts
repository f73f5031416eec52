import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { roleNames } from '#platform/database/roles/roles';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { recorded } from '#testing/given-when-then';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { startEngine } from '../engine';
import { foldEvents } from '../fold/fold';
import { createProjectionMetrics } from '../metrics';
import { resumePartition } from '../parking/parking';
import { defineProjection } from '../projection';
import { createProjectorPool } from '../projector-pool';
import { createPositionWaiter } from '../read-your-writes/position-waiter';
import { createProgress } from '../read-your-writes/progress';
import { rebuild } from '../rebuild/rebuild';
import { installProjections, requestRebuild } from '../versions/install';
import { RowBuffer } from './row-buffer';

type CoinEvent = { type: 'CoinsPaid'; data: { coins: number } } | { type: 'CoinRefused'; data: Record<string, never> };

const SCHEMA = `create table purses (tenant_id uuid not null, coins integer not null, payments integer not null);
-- after load
alter table purses add primary key (tenant_id);
-- before reading
alter table purses enable row level security;
alter table purses force row level security;
create policy projector_writes on purses to {{projector}} using (true) with check (true);
`;

const tables = {
  purses: {
    key: ['tenant_id'],
    columns: { tenant_id: 'uuid', coins: 'integer', payments: 'integer' },
    sums: true,
  },
} as const;

describe('a table of sums', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sums-'));
  const schema = join(folder, 'schema.sql');
  writeFileSync(schema, SCHEMA);
  afterAll(() => rmSync(folder, { recursive: true }));

  let refuses = false;
  const purses = defineProjection<CoinEvent, typeof tables>({
    ...{ name: 'purses', version: 1, schema, tables },
    on: {
      CoinsPaid: ({ stream, data: { coins } }, rows) => {
        rows.purses.add({ tenant_id: stream.tenantId }, coins > 0 ? { coins, payments: 1 } : { coins });
      },
      CoinRefused: ({ stream }, rows) => {
        rows.purses.add({ tenant_id: stream.tenantId }, { coins: 1_000 });
        if (refuses) throw new Error('no more');
      },
    },
  });

  let database: TestDatabase;
  let pool: Pool;
  let log: InMemoryEventLog;
  const progress = createProgress();
  const roles = roleNames('tenantry_test');

  beforeEach(async () => {
    refuses = false;
    database = await createTestDatabase();
    pool = createProjectorPool({ url: database.urls.projector, max: 8 });
    log = new InMemoryEventLog();
    progress.forget('purses');
    await installProjections(pool, [purses], roles);
  });
  afterEach(async () => {
    await log.close();
    await pool.end();
    await database.drop();
  });

  const pay = (tenantId: string, event: CoinEvent) =>
    log.append({
      stream: { tenantId, aggregate: 'purse', id: tenantId },
      ...{ expected: 'any', events: [event], commandId: uuidv7(), actor: { kind: 'system' }, correlationId: 'test' },
    });
  const paid = (coins: number): CoinEvent => ({ type: 'CoinsPaid', data: { coins } });

  /** Does the work while an engine runs, and waits until the read model has all events. */
  const whileProjecting = async (work: () => Promise<void>): Promise<void> => {
    const metrics = createProjectionMetrics({ registry: new Registry(), log, pool, intervalMs: 50 });
    const engine = startEngine({ projections: [purses], log, pool, roles, progress, logger: silentLogger, metrics });
    await work();
    const waiter = createPositionWaiter({ projections: ['purses'], progress, pool });
    expect(await waiter.waitFor(await log.head(), 10_000)).toBe(true);
    waiter.close();
    await engine.stop();
  };

  const rows = async (): Promise<unknown[]> =>
    (await pool.query('select tenant_id, coins, payments from read_model.purses order by tenant_id')).rows;

  it('holds the sum of the positive and negative amounts of all events, of one batch and of several', async () => {
    const [one, two] = [uuidv7(), uuidv7()];
    for (let at = 0; at < 5; at++) await pay(one, paid(10));
    await whileProjecting(async () => {
      for (let at = 0; at < 40; at++) await pay(at % 2 === 0 ? one : two, paid(at % 4 === 0 ? -1 : 2));
    });
    expect(await rows()).toEqual([
      { tenant_id: one, coins: 50 - 10 + 20, payments: 15 },
      { tenant_id: two, coins: 40, payments: 20 },
    ]);
  });

  it('holds the same sums after a rebuild whose chunks add to rows of earlier chunks', async () => {
    const tenants = Array.from({ length: 7 }, () => uuidv7());
    const payAll = async () => {
      for (let at = 0; at < 200; at++) await pay(tenants[(at * at) % 7] as string, paid((at % 5) - 1));
    };
    await whileProjecting(payAll);
    const before = await rows();
    const id = await requestRebuild(pool as never, 'purses');
    const { signal } = new AbortController();
    await rebuild(purses, id, { ...{ log, pool, roles, logger: silentLogger, signal }, chunkRows: 2, pageSize: 3 });
    expect(await rows()).toEqual(before);
  });

  it('adds the events that a parked tenant has missed once, when it is resumed', async () => {
    const tenant = uuidv7();
    refuses = true;
    await whileProjecting(async () => {
      await pay(tenant, paid(1));
      await pay(tenant, { type: 'CoinRefused', data: {} });
      await pay(tenant, paid(5));
    });
    expect(await rows()).toEqual([{ tenant_id: tenant, coins: 1, payments: 1 }]);
    expect(await resumePartition(pool, log, purses, tenant, {})).toBe('refused');
    refuses = false;
    expect(await resumePartition(pool, log, purses, tenant, {})).toBe('resumed');
    expect(await rows()).toEqual([{ tenant_id: tenant, coins: 1_006, payments: 2 }]);
  });

  it('adds nothing of an event that was refused', () => {
    refuses = true;
    const buffer = new RowBuffer(tables);
    const stream = { tenantId: uuidv7(), aggregate: 'purse', id: uuidv7() };
    const refused = recorded({ type: 'CoinRefused', data: {}, stream });
    const parked = foldEvents(purses, [recorded({ ...paid(3), stream }), refused], new Set(), buffer);
    expect(parked).toHaveLength(1);
    expect([...(buffer.folded.get('purses')?.values() ?? [])]).toMatchObject([{ columns: { coins: 3 } }]);
  });

  it('allows only integer columns outside its key', () =>
    expect(() => new RowBuffer({ names: { key: ['id'], columns: { id: 'uuid', name: 'text' }, sums: true } })).toThrow(
      'names.name cannot be a sum',
    ));
});
