import type { Pool, PoolClient } from 'pg';
import { escapeIdentifier } from 'pg';
import { inTransaction, withClient, within } from '../platform/database/pools';
import { createBloomFilter } from './bloom-filter';
import { LIVE_SCHEMA } from './checkpoint';
import { copyRows } from './copy';
import { readSchema, runIn } from './install';
import type { Projection } from './projection';
import { STATEMENT_MS } from './projector-pool';
import { type Operation, type RowBuffer, rowOfSum } from './row-buffer';
import { rowStatement } from './row-statements';
import type { Row } from './tables';

/** Where tables under construction are. */
export const SHADOW = 'read_model_shadow';
const RETIRED = 'read_model_retired';

/** ms: a large table's indexes take their time, and nobody waits for them. */
const INDEX_MS = 24 * 3_600_000;

/** The tables of a projection under construction, beside the ones that are read. */
export const createShadow = async (pool: Pool, projection: Projection, roles: Readonly<Record<string, string>>) => {
  const schema = await readSchema(projection, roles);
  const names = Object.keys(projection.tables);
  const drop = (from: string): string =>
    names.map((name) => `drop table if exists ${from}.${escapeIdentifier(name)}`).join('; ');
  const filters = new Map(names.map((name) => [name, createBloomFilter()]));
  let indexed = false;

  await inTransaction(pool, async (client) => {
    await client.query(drop(SHADOW));
    await runIn(client, SHADOW, schema.tables);
  });

  /** Keys and indexes; from then on rows may be changed. */
  const index = async (): Promise<void> => {
    if (indexed) return;
    indexed = true;
    await inTransaction(pool, async (client) => {
      await client.query("set local statement_timeout = 0; set local maintenance_work_mem = '128MB'");
      await runIn(client, SHADOW, schema.keys, INDEX_MS);
      for (const name of names)
        await client.query(within(INDEX_MS, { text: `analyze ${SHADOW}.${escapeIdentifier(name)}` }));
    });
  };

  const write = async (client: PoolClient, buffer: RowBuffer): Promise<void> => {
    const { expressions, values } = rowStatement(SHADOW, projection.tables, buffer.folded, 'true', 1);
    if (expressions.length === 0) return;
    const text = `with ${expressions.map((sql, at) => `r${at} as (${sql})`).join(', ')} select 1`;
    await client.query(within(STATEMENT_MS, { text, values }));
  };

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
      if (fresh.length > 0) await withClient(pool, (client) => copyRows(client, SHADOW, name, table, fresh));
    }
    if (buffer.size > 0) {
      await index();
      await withClient(pool, (client) => write(client, buffer));
    }
    buffer.clear();
  };

  /** Puts the shadow in the place of the tables that are read; one short transaction, the caller's. */
  const swap = async (client: PoolClient): Promise<void> => {
    await runIn(client, SHADOW, schema.security);
    for (const name of names) {
      const table = escapeIdentifier(name);
      await client.query(
        `drop table if exists ${RETIRED}.${table};
         alter table if exists ${LIVE_SCHEMA}.${table} set schema ${RETIRED};
         alter table ${SHADOW}.${table} set schema ${LIVE_SCHEMA}`,
      );
    }
  };

  return {
    load,
    index,
    write,
    swap,
    /** Drops what the swap left behind. */
    discardRetired: (): Promise<void> => withClient(pool, async (client) => void (await client.query(drop(RETIRED)))),
    discard: (): Promise<void> => withClient(pool, async (client) => void (await client.query(drop(SHADOW)))),
  };
};

export type Shadow = Awaited<ReturnType<typeof createShadow>>;
