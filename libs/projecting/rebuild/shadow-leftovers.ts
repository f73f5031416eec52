import type { Pool } from 'pg';
import { escapeIdentifier } from 'pg';
import { inTransaction, withClient } from '#platform/database/connections/pools';
import type { Logger } from '#platform/logging/logger.port';

/** Drops the tables of an attempt. @throws DatabaseError 55P03 after 1 s if a session still writes them */
export const dropSchema = (pool: Pool, schema: string): Promise<void> =>
  inTransaction(pool, async (client) => {
    await client.query("set local lock_timeout = '1s'");
    await client.query(`drop schema if exists ${escapeIdentifier(schema)} cascade`);
  });

/** The schema of an attempt that may not write any more. */
interface Leftover {
  readonly name: string;
  /** True if the attempt finished its rebuild, so that its tables have moved to `read_model`. */
  readonly done: boolean;
}

/** SQL for the name of the schema of an attempt. @param alias the alias of `projecting.rebuilds` in the query */
const schemaOf = (alias: string): string =>
  `format('read_model_rebuild_%s_%s', replace(${alias}.id::text, '-', ''), ${alias}.attempt)`;

/**
 * Schemas of attempts that may not write any more: they are done, their process died, or another one claimed the
 * rebuild.
 */
const leftovers = (pool: Pool): Promise<Leftover[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<Leftover>(
      `select n.nspname as name, exists (
         select from projecting.rebuilds d where d.state = 'done' and n.nspname = ${schemaOf('d')}) as done
       from pg_namespace n
       where n.nspname like 'read\\_model\\_rebuild\\_%' and n.nspowner = current_user::regrole and not exists (
         select from projecting.rebuilds r where r.state in ('loading', 'catching-up')
           and n.nspname = ${schemaOf('r')})`,
    );
    return rows;
  });

/**
 * Drops the schemas that attempts have left behind. It logs each schema of an unfinished rebuild, and each schema that
 * is still in use; the next call tries to drop that one again.
 */
export const dropLeftovers = async (pool: Pool, logger: Logger): Promise<void> => {
  for (const { name: schema, done } of await leftovers(pool)) {
    try {
      await dropSchema(pool, schema);
      if (!done) logger.info({ schema }, 'dropped the tables of an attempt at a rebuild that did not end');
    } catch (error) {
      logger.warn({ err: error, schema }, 'the tables of an attempt at a rebuild cannot be dropped yet');
    }
  }
};
