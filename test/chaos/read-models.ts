import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { requestRebuild } from '#projecting/versions/install';
import { projections } from '#projections/index';
import { until } from '../e2e/start/product';

const TABLES = projections.flatMap(({ tables }) => Object.keys(tables)).sort();

interface Content {
  readonly rows: number;
  readonly hash: string;
}

/** The number of rows and a hash of each table of every read model. */
export const contentOf = async (owner: Pool): Promise<Map<string, Content>> => {
  const contents = new Map<string, Content>();
  for (const table of TABLES) {
    const { rows } = await owner.query<Content>(
      `select count(*)::integer as rows, coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as hash
       from read_model.${table} t`,
    );
    const [content] = rows;
    if (content) contents.set(table, content);
  }
  return contents;
};

/** ms that a rebuild may take, including interrupted attempts, on a busy machine. */
const REBUILT_MS = 240_000;

/**
 * Requests a rebuild from the running workers of the product, and resolves when it is done, after any number of
 * attempts.
 * @throws Error the rebuild was superseded, or is not done within four minutes
 */
export const rebuilt = async (owner: Pool, projection: string): Promise<void> => {
  const id = await withClient(owner, (client) => requestRebuild(client, projection));
  let state = '';
  await until(async () => {
    const { rows } = await owner.query<{ state: string }>('select state from projecting.rebuilds where id = $1', [id]);
    state = rows[0]?.state ?? 'missing';
    return state === 'done' || state === 'superseded';
  }, REBUILT_MS).catch(() => undefined);
  if (state !== 'done') throw new Error(`the rebuild of ${projection} is not done; its state is ${state}`);
};

/**
 * Compares every read model with the fold of the log: its present tables with those after an undisturbed rebuild. A
 * worker must run, and no client may write.
 * @param owner connects as a superuser
 * @returns one sentence for each parked partition, each table that differs, each rebuild that failed, and for tables
 * that rebuilds left behind
 */
export const readModelComplaints = async (owner: Pool): Promise<string[]> => {
  const complaints: string[] = [];
  const { rows: parked } = await owner.query<{ projection: string; error: string }>(
    'select projection, error from projecting.parked',
  );
  for (const { projection, error } of parked) complaints.push(`a tenant is parked in ${projection}: ${error}`);
  const live = await contentOf(owner);
  for (const { name } of projections) await rebuilt(owner, name).catch((error) => complaints.push(String(error)));
  for (const [table, content] of await contentOf(owner)) {
    const before = live.get(table);
    if (before?.hash !== content.hash)
      complaints.push(
        `${table} had ${before?.rows} rows and differs from the fold of the log, which has ${content.rows}`,
      );
  }
  const areDropped = async (): Promise<boolean> =>
    (await owner.query(`select from pg_namespace where nspname like 'read\\_model\\_rebuild\\_%'`)).rowCount === 0;
  await until(areDropped, 60_000).catch(() => complaints.push('tables of a rebuild were left behind'));
  return complaints;
};
