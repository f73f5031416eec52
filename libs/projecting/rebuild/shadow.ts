import type { Pool, PoolClient } from 'pg';
import { escapeIdentifier } from 'pg';
import { inTransaction, withQueryTimeout } from '#platform/database/connections/pools';
import type { Projection } from '../projection';
import { STATEMENT_MS } from '../projector-pool';
import { copyRows } from '../rows/copy';
import { type Operation, type RowBuffer, rowOfSum } from '../rows/row-buffer';
import { rowStatement } from '../rows/row-statements';
import type { Row } from '../rows/tables';
import { readSchema, runIn, type Schema } from '../versions/install';
import { carryOver, readParts, recordParts, tryAddedParts } from './added-parts';
import { createBloomFilter } from './bloom-filter';
import { type Attempt, requireAttempt } from './rebuild-attempt';
import { dropSchema } from './shadow-leftovers';

/** ms that the indexes of a large table may take. No request waits for them. */
const INDEX_MS = 24 * 3_600_000;

/**
 * Creates the tables without keys and row security. Before that it creates everything once on the empty tables,
 * including what operators added, which takes no time and shows whether it can be created.
 */
const createTables = (pool: Pool, projection: Projection, attempt: Attempt, parts: Schema): Promise<string> =>
  inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ name: string }>('select projecting.create_shadow($1, $2) as name', [
      attempt.rebuild,
      attempt.token,
    ]);
    const name = rows[0]?.name ?? '';
    await runIn(client, name, parts.tables);
    await client.query('savepoint bare_tables');
    await runIn(client, name, parts.keys + parts.security);
    const created = await readParts(client, name, Object.keys(projection.tables));
    await recordParts(client, attempt, created);
    await tryAddedParts(client, projection, name, attempt);
    await client.query('rollback to savepoint bare_tables');
    await recordParts(client, attempt, created);
    return name;
  });

/**
 * Creates the new tables of a projection beside the ones that are read. They are in a schema for this attempt alone,
 * where tables, keys and indexes already have their final names. Every transaction that writes rows first checks that
 * the attempt may still write.
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
  const schema = await createTables(pool, projection, attempt, parts);

  /** Creates keys and indexes, if they do not exist yet. From then on rows can be changed. @throws AttemptLost */
  const index = async (): Promise<void> => {
    if (indexed) return;
    await inTransaction(pool, async (client) => {
      await requireAttempt(client, attempt);
      await client.query("set local statement_timeout = 0; set local maintenance_work_mem = '128MB'");
      await runIn(client, schema, parts.keys, INDEX_MS);
      for (const name of names)
        await client.query(
          withQueryTimeout(INDEX_MS, { text: `analyze ${escapeIdentifier(schema)}.${escapeIdentifier(name)}` }),
        );
    });
    indexed = true;
  };

  /**
   * Creates the indexes that operators added to the tables that are read: before the swap, because they can take long.
   * @throws AttemptLost
   */
  const indexAdded = async (): Promise<void> =>
    inTransaction(pool, async (client) => {
      await requireAttempt(client, attempt);
      await client.query("set local statement_timeout = 0; set local maintenance_work_mem = '128MB'");
      await carryOver(client, attempt, ['index'], INDEX_MS);
    });

  /** Writes rows in the transaction of the caller, which must check that the attempt may still write. */
  const writeIn = async (client: PoolClient, buffer: RowBuffer): Promise<void> => {
    const { expressions, values } = rowStatement(schema, projection.tables, buffer.folded, 'true', 1);
    if (expressions.length === 0) return;
    const text = `with ${expressions.map((sql, at) => `r${at} as (${sql})`).join(', ')} select 1`;
    await client.query(withQueryTimeout(STATEMENT_MS, { text, values }));
  };

  /** Writes rows in a separate transaction. The tables must have their keys and indexes. @throws AttemptLost */
  const write = async (buffer: RowBuffer): Promise<void> =>
    inTransaction(pool, async (client) => {
      await requireAttempt(client, attempt);
      await writeIn(client, buffer);
    });

  /**
   * Writes a chunk of folded rows and empties the buffer. Rows with a new key are written with COPY. The few rows that
   * may exist already are written with the statement of the live projection.
   * @throws AttemptLost, or the error of the database
   */
  const load = async (buffer: RowBuffer): Promise<void> => {
    for (const [name, operations] of buffer.folded) {
      const table = projection.tables[name];
      const seenKeys = filters.get(name);
      if (!table || !seenKeys) continue;
      const fresh: Row[] = [];
      const rest = new Map<string, Operation>();
      for (const [key, operation] of operations) {
        if (seenKeys.add(key)) rest.set(key, operation);
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

  /** Empties the tables, so that they can be loaded in another way. @throws AttemptLost */
  const startOver = async (): Promise<void> => {
    filters = new Map(names.map((name) => [name, createBloomFilter()]));
    const tables = names.map((name) => `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`).join(', ');
    await inTransaction(pool, async (client) => {
      await requireAttempt(client, attempt);
      await client.query(`truncate ${tables}`);
    });
  };

  /**
   * Replaces the tables that are read by the new ones, in the short transaction of the caller, which must check that
   * the attempt may still write.
   * @param installed the tables of the version that is read; null if they are not known
   * @throws DatabaseError 2BP01 something that depends on a table that is read cannot be carried over, or was added
   * since the load began
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
    /** Drops the schema of the attempt. */
    discard: (): Promise<void> => dropSchema(pool, schema),
  };
};

export type Shadow = Awaited<ReturnType<typeof createShadow>>;
