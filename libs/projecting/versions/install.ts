import { readFile } from 'node:fs/promises';
import type { Pool, PoolClient } from 'pg';
import { escapeIdentifier } from 'pg';
import { inTransaction, withQueryTimeout } from '#platform/database/connections/pools';
import { ADVISORY_LOCKS } from '#platform/database/locks/advisory-locks';
import { uuidv7 } from '#platform/ids/uuid';
import type { Projection } from '../projection';
import { OPEN } from '../rebuild/rebuild-attempt';

export interface Schema {
  /** The tables without keys and indexes, which COPY fills fastest. */
  readonly tables: string;
  /** Keys and indexes, from `-- after load` on. */
  readonly keys: string;
  /** Row security, from `-- before reading` on. COPY refuses tables with row security. */
  readonly security: string;
}

/**
 * Reads the SQL of the tables of a projection, in three parts.
 * @throws Error the file lacks one of the two lines that separate the parts
 */
export const readSchema = async ({ schema }: Projection, roles: Readonly<Record<string, string>>): Promise<Schema> => {
  const sql = withRoles(await readFile(schema, 'utf8'), roles);
  const [tables, keys, security] = sql.split(/^-- (?:after load|before reading)\s*$/m);
  if (tables === undefined || keys === undefined || security === undefined)
    throw new Error(`${schema} needs the lines "-- after load" and "-- before reading"`);
  return { tables, keys, security };
};

/**
 * Executes SQL with unqualified table names in one schema. It must be called in a transaction.
 * @param timeoutMs ms that the statement may take; the limit of the connection by default
 */
export const runIn = async (client: PoolClient, schema: string, sql: string, timeoutMs?: number): Promise<void> => {
  await client.query(`set local search_path = ${escapeIdentifier(schema)}, pg_catalog`);
  await (timeoutMs === undefined ? client.query(sql) : client.query(withQueryTimeout(timeoutMs, { text: sql })));
  await client.query('set local search_path = pg_catalog');
};

/** Replaces placeholders such as `{{app}}` in the SQL of a projection by the names of roles. */
const withRoles = (sql: string, roles: Readonly<Record<string, string>>): string =>
  Object.entries(roles).reduce((text, [role, name]) => text.replaceAll(`{{${role}}}`, escapeIdentifier(name)), sql);

/**
 * Creates the tables and checkpoints of new projections. Installed ones are not changed, whatever their version:
 * workers rebuild those (`wanted-versions.ts`). Any number of processes may call it at the same time.
 * @param pool connects as the projector
 */
export const installProjections = async (
  pool: Pool,
  projections: readonly Projection[],
  roles: Readonly<Record<string, string>>,
): Promise<void> => {
  const schemas = await Promise.all(projections.map((projection) => readSchema(projection, roles)));
  await inTransaction(pool, async (client) => {
    const installed = new Set<string>();
    const readInstalled = async (): Promise<void> => {
      const { rows } = await client.query<{ projection: string }>('select projection from projecting.checkpoints');
      for (const row of rows) installed.add(row.projection);
    };
    await readInstalled();
    if (projections.every(({ name }) => installed.has(name))) return;
    await client.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCKS.installingProjections]);
    await readInstalled();
    for (const [at, { name, version, tables }] of projections.entries()) {
      const schema = schemas[at];
      if (installed.has(name) || !schema) continue;
      await runIn(client, 'read_model', schema.tables + schema.keys + schema.security);
      await client.query('insert into projecting.checkpoints (projection, version, tables) values ($1, $2, $3)', [
        name,
        version,
        Object.keys(tables),
      ]);
      await client.query(
        `insert into projecting.installed_parts (projection, parts) values ($1, projecting.parts_as_json('read_model', $2))`,
        [name, Object.keys(tables)],
      );
    }
  });
};

export interface RebuildRequest {
  /**
   * The wanted version; the installed one by default. Only a worker whose release has this version does the rebuild.
   */
  readonly version?: number;
  /** The wanted version may replace a higher one. */
  readonly downgrade?: boolean;
}

/**
 * Requests a rebuild, which a worker does later. If a request for the same version is open already, that one is used
 * and tried again at once.
 * @returns the id of the rebuild
 * @throws Error the projection is not installed
 */
export const requestRebuild = async (
  client: Pick<PoolClient, 'query'>,
  projection: string,
  { version, downgrade = false }: RebuildRequest = {},
): Promise<string> => {
  const { rows } = await client.query<{ id: string }>(
    `insert into projecting.rebuilds (id, projection, version, downgrade)
     select $1, c.projection, coalesce($3, c.version), $4 from projecting.checkpoints c where c.projection = $2
     on conflict (projection, version) where state in ${OPEN}
     do update set next_attempt_at = now(), downgrade = rebuilds.downgrade or excluded.downgrade,
       state = case rebuilds.state when 'failed' then 'requested' else rebuilds.state end
     returning id`,
    [uuidv7(), projection, version ?? null, downgrade],
  );
  const [request] = rows;
  if (!request) throw new Error(`the projection ${projection} is not installed; start the product first`);
  return request.id;
};
