import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { NotReady } from '#platform/readiness/check';
import type { Projection } from '../projection';

type RequiredModel = Pick<Projection, 'name' | 'version' | 'tables'>;

/** A read model or a column that this release needs and the database does not have. */
interface Unreadable {
  readonly projection: string;
  /** Null if the whole read model is missing or of an older version. */
  readonly column: string | null;
}

/**
 * A read model is readable if its version is that of this release or a later one, and its tables have every column that
 * this release knows. A later release may add columns and tables. If it removes some, processes of older releases are
 * not ready.
 */
const UNREADABLE = `
  with needed as (
    select * from unnest($1::text[], $2::integer[]) as n (projection, version)
  ), columns as (
    select * from unnest($3::text[], $4::text[], $5::text[]) as k (projection, relation, name)
  )
  select n.projection, null as column from needed n
    left join projecting.checkpoints c on c.projection = n.projection and c.version >= n.version
    where c.projection is null
  union all
  select k.projection, k.relation || '.' || k.name from columns k
    where not exists (
      select from pg_catalog.pg_class r join pg_catalog.pg_attribute a on a.attrelid = r.oid and not a.attisdropped
      where r.relnamespace = 'read_model'::regnamespace and r.relname = k.relation and a.attname = k.name)
  order by 1, 2`;

/**
 * Checks that the installed tables can answer the queries of this release.
 * @param pool connects as a role that may read the checkpoints: app, projector or operator
 * @throws NotReady the message names the read models or the columns that are missing
 */
export const requireReadable = async (pool: Pool, projections: readonly RequiredModel[]): Promise<void> => {
  const columns = projections.flatMap(({ name, tables }) =>
    Object.entries(tables).flatMap(([table, it]) => Object.keys(it.columns).map((column) => ({ name, table, column }))),
  );
  const { rows } = await withClient(pool, (client) =>
    client.query<Unreadable>({
      name: 'unreadable-read-models',
      text: UNREADABLE,
      values: [
        projections.map(({ name }) => name),
        projections.map(({ version }) => version),
        columns.map(({ name }) => name),
        columns.map(({ table }) => table),
        columns.map(({ column }) => column),
      ],
    }),
  );
  const behind = new Set(rows.filter(({ column }) => column === null).map(({ projection }) => projection));
  if (behind.size > 0)
    throw new NotReady(
      `These read models are not installed or not rebuilt at the version of this release: ${[...behind].join(', ')}. A worker of this release must run.`,
    );
  if (rows.length > 0)
    throw new NotReady(
      `A newer release has rebuilt tables without columns that this release reads: ${rows.map(({ column }) => column).join(', ')}. Stop this process and use one of the newer release.`,
    );
};
