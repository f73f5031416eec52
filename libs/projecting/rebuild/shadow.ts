import type { Pool, PoolClient } from 'pg';
import { escapeIdentifier } from 'pg';
import { inTransaction, within } from '#platform/database/connections/pools';
import type { Projection } from '../projection';
import { STATEMENT_MS } from '../projector-pool';
import { copyRows } from '../rows/copy';
import { type Operation, type RowBuffer, rowOfSum } from '../rows/row-buffer';
import { rowStatement } from '../rows/row-statements';
import type { Row } from '../rows/tables';
import { readSchema, runIn, type Schema } from '../versions/install';
import { carryOver, keepParts, readParts, tryAddedParts } from './added-parts';
import { createBloomFilter } from './bloom-filter';
import { type Attempt, requireAttempt } from './rebuild-attempt';
import { dropSchema } from './shadow-leftovers';

/** ms: a large table's indexes take their time, and nobody waits for them. */
const INDEX_MS = 24 * 3_600_000;

/** Makes the bare tables, after a trial with keys, row security and what operators added: on empty tables it takes no time. */
const makeTables = (pool: Pool, projection: Projection, attempt: Attempt, parts: Schema): Promise<string> =>
  inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ name: string }>('select projecting.create_shadow($1, $2) as name', [
      attempt.rebuild,
      attempt.token,
    ]);
    const name = rows[0]?.name ?? '';
    await runIn(client, name, parts.tables);
    await client.query('savepoint bare_tables');
    await runIn(client, name, parts.keys + parts.security);
    const made = await readParts(client, name, Object.keys(projection.tables));
    await keepParts(client, attempt, made);
    await tryAddedParts(client, projection, name, attempt);
    await client.query('rollback to savepoint bare_tables');
    await keepParts(client, attempt, made);
    return name;
  });

/**
 * The tables of a projection under construction, beside the ones that are read: in a schema of the attempt's own, where
 * tables, keys and indexes have the names that they keep. Every chunk of rows is written in a transaction that checks the
 * attempt's right first.
 * @throws AttemptLost, TablesInUse
 */
export const createShadow = async (
  pool: Pool,
  projection: Projection,
  roles: Readonly<Record<string, string>>,
  attempt: Attempt,
) => {
  const parts = await readSchema(projection, roles);
  const names = Object.keys(projection.tables);
  let filters = new Map(names.map((name) => [name, createBloomFilter()]));
  let indexed = false;
  const schema = await makeTables(pool, projection, attempt, parts);

  /** Keys and indexes; from then on rows may be changed. */
  const index = async (): Promise<void> => {
    if (indexed) return;
    await inTransaction(pool, async (client) => {
      await requireAttempt(client, attempt);
      await client.query("set local statement_timeout = 0; set local maintenance_work_mem = '128MB'");
      await runIn(client, schema, parts.keys, INDEX_MS);
      for (const name of names)
        await client.query(within(INDEX_MS, { text: `analyze ${escapeIdentifier(schema)}.${escapeIdentifier(name)}` }));
    });
    indexed = true;
  };

  /** Indexes that operators added to the tables that are read. They take their time, so not in the swap. */
  const indexAdded = async (): Promise<void> =>
    inTransaction(pool, async (client) => {
      await requireAttempt(client, attempt);
      await client.query("set local statement_timeout = 0; set local maintenance_work_mem = '128MB'");
      await carryOver(client, attempt, ['index'], INDEX_MS);
    });

  /** Writes rows in the caller's transaction, which has to check the attempt's right. */
  const writeIn = async (client: PoolClient, buffer: RowBuffer): Promise<void> => {
    const { expressions, values } = rowStatement(schema, projection.tables, buffer.folded, 'true', 1);
    if (expressions.length === 0) return;
    const text = `with ${expressions.map((sql, at) => `r${at} as (${sql})`).join(', ')} select 1`;
    await client.query(within(STATEMENT_MS, { text, values }));
  };

  const write = async (buffer: RowBuffer): Promise<void> =>
    inTransaction(pool, async (client) => {
      await requireAttempt(client, attempt);
      await writeIn(client, buffer);
    });

  /**
   * Takes a chunk of folded rows: those whose key was never seen before go by COPY, the few that may be there already by
   * the statement that the live projection uses. Empties the buffer.
   */
  const load = async (buffer: RowBuffer): Promise<void> => {
    for (const [name, operations] of buffer.folded) {
      const table = projection.tables[name];
      const seen = filters.get(name);
      if (!table || !seen) continue;
      const fresh: Row[] = [];
      const rest = new Map<string, Operation>();
      for (const [key, operation] of operations) {
        if (seen.add(key)) rest.set(key, operation);
        else if (operation.kind === 'put') fresh.push(operation.row);
        else if (operation.kind === 'add') fresh.push(rowOfSum(table, operation));
      }
      buffer.keep(name, rest);
      if (fresh.length > 0)
        await inTransaction(pool, async (client) => {
          await requireAttempt(client, attempt);
          await copyRows(client, schema, name, table, fresh);
        });
    }
    if (buffer.size > 0) {
      await index();
      await write(buffer);
    }
    buffer.clear();
  };

  /** Empties the tables, to load them in another way. */
  const startOver = async (): Promise<void> => {
    filters = new Map(names.map((name) => [name, createBloomFilter()]));
    const tables = names.map((name) => `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`).join(', ');
    await inTransaction(pool, async (client) => {
      await requireAttempt(client, attempt);
      await client.query(`truncate ${tables}`);
    });
  };

  /**
   * Puts the shadow in the place of the tables that are read, in the caller's short transaction, which has to check the
   * attempt's right.
   * @param installed the tables of the version that is read, where that is known
   * @throws DatabaseError 2BP01 where something depends on a table that is read and can't be carried over, or was added since the load began
   */
  const swap = async (client: PoolClient, installed: readonly string[] | null): Promise<void> => {
    await runIn(client, schema, parts.security);
    await client.query('select projecting.swap_tables($1, $2, $3, $4)', [
      attempt.rebuild,
      attempt.token,
      [...new Set([...(installed ?? []), ...names])],
      names,
    ]);
  };

  return {
    schema,
    load,
    index,
    indexAdded,
    write,
    writeIn,
    startOver,
    swap,
    /** Drops what is left of the attempt. */
    discard: (): Promise<void> => dropSchema(pool, schema),
  };
};

export type Shadow = Awaited<ReturnType<typeof createShadow>>;
