import type { PoolClient } from 'pg';
import { within } from '#platform/database/connections/pools';
import type { Projection } from '../projection';
import { TablesInUse } from './dependents';
import type { Attempt } from './rebuild-attempt';

interface Obstacle {
  readonly what: string;
}

/** Keeps what the schema file of an attempt makes, so that the database knows what else the tables have that are read. */
export const keepParts = async (client: PoolClient, attempt: Attempt, parts: string): Promise<void> => {
  await client.query('update projecting.rebuilds set parts = $3, parts_attempt = $2 where id = $1', [
    attempt.rebuild,
    attempt.token,
    parts,
  ]);
};

/** What the tables in a schema are made of, as JSON. */
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
    `select format('%s %s on table read_model.%s: %s', a.kind, a.name, a.of_table, a.refusal) as what
       from projecting.additions($1, $2) a where a.refusal is not null
     union all
     select format('%s: this release makes something of this name; drop it, or give it another name',
         pg_describe_object('pg_class'::regclass, o.oid, 0))
       from pg_class c join pg_class o on o.relname = c.relname and o.relnamespace = 'read_model'::regnamespace
       where c.relnamespace = to_regnamespace($3) and not exists (
         select from projecting.checkpoints p, pg_class t left join pg_index i on i.indrelid = t.oid
         where p.projection = $4 and t.relname = any (p.tables || $5::text[]) and o.oid in (t.oid, i.indexrelid)
           and t.relnamespace = 'read_model'::regnamespace)
     order by 1`,
    [attempt.rebuild, attempt.token, schema, name, Object.keys(tables)],
  );
  return rows.map(({ what }) => what);
};

/**
 * Makes on the new tables what operators added to those that are read, to find out before the history is loaded whether it
 * can be made. The caller takes it back.
 * @throws TablesInUse it names what a rebuild can't make again
 * @throws DatabaseError 2BP01 it names what does not fit the new tables
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
 * Makes what operators added on the new tables, as far as it is not there yet. Triggers and policies are made in the swap.
 * @param timeoutMs an index of a large table takes its time
 */
export const carryOver = async (
  client: PoolClient,
  attempt: Attempt,
  kinds: readonly ('index' | 'trigger' | 'policy')[],
  timeoutMs = 30_000,
): Promise<void> => {
  await client.query(
    within(timeoutMs, {
      text: 'select projecting.carry_over($1, $2, $3)',
      values: [attempt.rebuild, attempt.token, kinds],
    }),
  );
};
