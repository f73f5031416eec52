import type { Pool } from 'pg';
import { rebuildProjection } from '../../apps/cli/projections';
import { projections } from '../../projections';
import { until } from '../e2e/start/product';

const TABLES = projections.flatMap(({ tables }) => Object.keys(tables)).sort();

interface Content {
  readonly rows: number;
  readonly hash: string;
}

/** What each table of every read model holds. */
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

/** Rebuilds every read model, one after the other, by the product's running workers. */
export const rebuildAll = async (owner: Pool): Promise<void> => {
  for (const { name } of projections) await rebuildProjection(owner, name, () => undefined);
};

/**
 * Compares every read model with the fold of the log: its live tables against those of a rebuild that nothing disturbs.
 * Needs a running worker, and nobody who writes.
 * @param owner connects as a superuser
 * @returns a sentence for each rebuild that did not end as done, each parked lane and each table that differs
 */
export const readModelComplaints = async (owner: Pool): Promise<string[]> => {
  const complaints: string[] = [];
  const open = async (): Promise<boolean> =>
    (await owner.query(`select from projecting.rebuilds where state not in ('done', 'failed')`)).rowCount === 0;
  await until(open, 120_000).catch(() => complaints.push('a rebuild that was asked for has not ended'));
  const { rows: failed } = await owner.query<{ projection: string; error: string }>(
    `select projection, error from projecting.rebuilds where state = 'failed'`,
  );
  for (const { projection, error } of failed) complaints.push(`a rebuild of ${projection} failed: ${error}`);
  const { rows: parked } = await owner.query<{ projection: string; error: string }>(
    'select projection, error from projecting.parked',
  );
  for (const { projection, error } of parked) complaints.push(`a tenant is parked in ${projection}: ${error}`);
  const live = await contentOf(owner);
  await rebuildAll(owner);
  for (const [table, rebuilt] of await contentOf(owner)) {
    const before = live.get(table);
    if (before?.hash !== rebuilt.hash)
      complaints.push(
        `${table} had ${before?.rows} rows and differs from the fold of the log, which has ${rebuilt.rows}`,
      );
  }
  return complaints;
};
