import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { createEmptyDatabase } from '../../libs/testing/database';
import { kills } from '../../libs/testing/seeds';
import { endAll, launch, type Product, root, until } from '../e2e/start/product';
import { checkHistory } from './checker';
import { type Api, type Company, work } from './client';

const KILLS = kills(6);
const CLIENTS = 6;
const PREFIX = 'tenantry_kill';

jest.setTimeout(60_000 + KILLS * 10_000);

/** The product is killed at any moment, again and again, while clients go on asking. */
describe(`the product, killed ${KILLS} times under load`, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tenantry-kill-'));
  let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
  let pool: Pool;

  beforeAll(async () => {
    execFileSync(process.execPath, [join(root, 'scripts/build.mjs')]);
    database = await createEmptyDatabase();
    pool = new Pool({ connectionString: database.url, max: 2 });
    pool.on('error', () => {});
  });

  afterAll(async () => {
    await endAll();
    await pool.end();
    await database.drop();
    for (const role of ['app', 'log', 'projector', 'operator']) await dropRole(database.url, `${PREFIX}_${role}`);
    rmSync(dataDir, { recursive: true, force: true });
  });

  const start = (): Product =>
    launch(dataDir, {
      env: {
        DATABASE_URL: database.url,
        DATABASE_ROLE_PREFIX: PREFIX,
        SIGNUP_RATE_PER_HOUR: '1000000',
        API_RATE_PER_MINUTE: '1000000',
        LOG_LEVEL: 'warn',
        PASSWORD_HASH_CONCURRENCY: '1',
      },
    });

  it('loses nothing that it acknowledged, doubles nothing, and ends with every sign-up whole or absent', async () => {
    const api: Api = { url: undefined, stopping: false };
    const companies: Company[] = [];
    const clients = Array.from({ length: CLIENTS }, () => work(api, companies));
    for (let killed = 0; killed < KILLS; killed++) {
      const product = start();
      api.url = await product.ready();
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 900));
      await product.end('SIGKILL');
      api.url = undefined;
    }
    const product = start();
    api.url = await product.ready();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    api.stopping = true;
    await Promise.all(clients);
    // The sweeper completes what was cut off.
    await until(async () => {
      const { rows } = await pool.query(`select 1 from identity.persons where state <> 'active'`);
      return rows.length === 0;
    }, 90_000);
    await until(async () => {
      const { rows } = await pool.query(
        `select 1 from projecting.checkpoints where position < (select max(position) from event_log.events)`,
      );
      return rows.length === 0;
    }, 10_000);
    const complaints = await checkHistory(pool, companies);
    const renames = companies.flatMap((company) => company.renames);
    const acknowledged = renames.filter(({ outcome }) => outcome.kind === 'ok').length;
    process.stderr.write(
      `kill -9: ${KILLS} kills, ${companies.length} sign-ups, ${renames.length} commands, ${acknowledged} acknowledged, ${complaints.length} complaints\n`,
    );
    expect(complaints).toEqual([]);
    expect(acknowledged).toBeGreaterThan(KILLS);
    expect(await product.end('SIGTERM')).toBe(0);
  });
});

const dropRole = async (url: string, role: string): Promise<void> => {
  const server = new URL(url);
  server.pathname = '/postgres';
  const admin = new Pool({ connectionString: server.href, max: 1 });
  await admin.query(`drop role if exists ${role}`).catch(() => {});
  await admin.end();
};
