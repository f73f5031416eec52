import { readFile } from 'node:fs/promises';
import type { Pool, PoolClient } from 'pg';
import { escapeIdentifier } from 'pg';
import { ADVISORY_LOCKS } from '../platform/database/advisory-locks';
import { inTransaction, within } from '../platform/database/pools';
import { uuidv7 } from '../platform/ids/uuid';
import type { Projection } from './projection';

export interface Schema {
  /** The bare tables, as COPY fills them fastest. */
  readonly tables: string;
  /** Keys and indexes, from `-- after load` on. */
  readonly keys: string;
  /** Row security, from `-- before reading` on: COPY refuses tables that have it. */
  readonly security: string;
}

/** The SQL of a projection's tables in its three parts. */
export const readSchema = async ({ schema }: Projection, roles: Readonly<Record<string, string>>): Promise<Schema> => {
  const sql = withRoles(await readFile(schema, 'utf8'), roles);
  const [tables, keys, security] = sql.split(/^-- (?:after load|before reading)\s*$/m);
  if (tables === undefined || keys === undefined || security === undefined)
    throw new Error(`${schema} needs the lines "-- after load" and "-- before reading"`);
  return { tables, keys, security };
};

/** Runs SQL whose table names are unqualified in one schema; inside a transaction. */
export const runIn = async (client: PoolClient, schema: string, sql: string, timeoutMs?: number): Promise<void> => {
  await client.query(`set local search_path = ${escapeIdentifier(schema)}, pg_catalog`);
  await (timeoutMs === undefined ? client.query(sql) : client.query(within(timeoutMs, { text: sql })));
  await client.query('set local search_path = pg_catalog');
};

/** Role names for the policies that stand in the projections' SQL. */
const withRoles = (sql: string, roles: Readonly<Record<string, string>>): string =>
  Object.entries(roles).reduce((text, [role, name]) => text.replaceAll(`{{${role}}}`, escapeIdentifier(name)), sql);

/**
 * Makes the tables and checkpoints of projections that are new, and asks for a rebuild of those whose version is not the
 * one in the database. Any number of processes may call it at once.
 * @param pool connects as the projector
 */
export const installProjections = async (
  pool: Pool,
  projections: readonly Projection[],
  roles: Readonly<Record<string, string>>,
): Promise<void> => {
  const schemas = await Promise.all(projections.map((projection) => readSchema(projection, roles)));
  await inTransaction(pool, async (client) => {
    const known = new Map<string, number>();
    const look = async (): Promise<void> => {
      const { rows } = await client.query<{ projection: string; version: number }>(
        'select projection, version from projecting.checkpoints',
      );
      for (const row of rows) known.set(row.projection, row.version);
    };
    await look();
    if (projections.every(({ name, version }) => known.get(name) === version)) return;
    await client.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCKS.installingProjections]);
    await look();
    for (const [at, projection] of projections.entries()) {
      const installed = known.get(projection.name);
      const schema = schemas[at];
      if (installed === undefined && schema) {
        await runIn(client, 'read_model', schema.tables + schema.keys + schema.security);
        await client.query('insert into projecting.checkpoints (projection, version) values ($1, $2)', [
          projection.name,
          projection.version,
        ]);
      } else if (installed !== projection.version) await requestRebuild(client, projection.name);
    }
  });
};

/** Asks for a rebuild; some worker will do it. Asking again while one is open changes nothing. */
export const requestRebuild = async (client: Pick<PoolClient, 'query'>, projection: string): Promise<string> => {
  const { rows } = await client.query<{ id: string }>(
    `with asked as (
      insert into projecting.rebuilds (id, projection) values ($1, $2)
      on conflict (projection) where state in ('requested', 'loading', 'catching-up') do nothing returning id
    ) select id from asked
    union all select id from projecting.rebuilds
      where projection = $2 and state in ('requested', 'loading', 'catching-up') limit 1`,
    [uuidv7(), projection],
  );
  return rows[0]?.id ?? '';
};
