import type { PoolClient } from 'pg';
import { withQueryTimeout } from '#platform/database/connections/pools';
import type { Projection } from '../projection';
import { TablesInUse } from './dependents';
import type { Attempt } from './rebuild-attempt';

interface Obstacle {
  readonly description: string;
}

/**
 * Stores the parts that the schema file creates, so that the database can tell them from parts that operators added.
 */
export const recordParts = async (client: PoolClient, attempt: Attempt, parts: string): Promise<void> => {
  await client.query('update projecting.rebuilds set parts = $3, parts_attempt = $2 where id = $1', [
    attempt.rebuild,
    attempt.token,
    parts,
  ]);
};

/** The parts of the tables in a schema (columns, indexes, constraints, triggers, policies and so on), as JSON. */
export const readParts = async (client: PoolClient, schema: string, tables: readonly string[]): Promise<string> => {
  const { rows } = await client.query<{ parts: string }>('select projecting.parts_as_json($1, $2)::text as parts', [
    schema,
    tables,
  ]);
  return rows[0]?.parts ?? '[]';
};

const findObstacles = async (
  client: PoolClient,
  { name, tables }: Projection,
  schema: string,
  attempt: Attempt,
): Promise<string[]> => {
  const { rows } = await client.query<Obstacle>(
    `select format('%s %s on table read_model.%s: %s', a.kind, a.name, a.of_table, a.refusal) as description
       from projecting.additions($1, $2) a where a.refusal is not null
     union all
     select format('%s: this release creates something with this name; drop it or rename it',
         pg_describe_object('pg_class'::regclass, o.oid, 0))
       from pg_class c join pg_class o on o.relname = c.relname and o.relnamespace = 'read_model'::regnamespace
       where c.relnamespace = to_regnamespace($3) and not exists (
         select from projecting.checkpoints p, pg_class t left join pg_index i on i.indrelid = t.oid
         where p.projection = $4 and t.relname = any (p.tables || $5::text[]) and o.oid in (t.oid, i.indexrelid)
           and t.relnamespace = 'read_model'::regnamespace)
     order by 1`,
    [attempt.rebuild, attempt.token, schema, name, Object.keys(tables)],
  );
  return rows.map(({ description }) => description);
};

/**
 * Creates on the new tables what operators added to the tables that are read, to find out before the load whether that
 * is possible. The caller rolls it back.
 * @throws TablesInUse a rebuild cannot create a part again; the message names each of these
 * @throws DatabaseError 2BP01 a part does not fit the new tables; the message names it
 */
export const tryAddedParts = async (
  client: PoolClient,
  projection: Projection,
  schema: string,
  attempt: Attempt,
): Promise<void> => {
  const obstacles = await findObstacles(client, projection, schema, attempt);
  if (obstacles.length > 0)
    throw new TablesInUse(
      `the tables of ${projection.name} cannot be replaced because of what was added to them: ${obstacles.join('; ')}`,
    );
  await carryOver(client, attempt, ['index', 'trigger', 'policy']);
};

/**
 * Creates on the new tables the parts that operators added, unless they exist already. Triggers and policies are
 * created in the swap.
 * @param timeoutMs ms that the statement may take; an index of a large table takes long
 */
export const carryOver = async (
  client: PoolClient,
  attempt: Attempt,
  kinds: readonly ('index' | 'trigger' | 'policy')[],
  timeoutMs = 30_000,
): Promise<void> => {
  await client.query(
    withQueryTimeout(timeoutMs, {
      text: 'select projecting.carry_over($1, $2, $3)',
      values: [attempt.rebuild, attempt.token, kinds],
    }),
  );
};
