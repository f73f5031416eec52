import type { Pool } from 'pg';
import { escapeIdentifier } from 'pg';
import { inTransaction, withClient } from '#platform/database/connections/pools';
import type { Logger } from '#platform/logging/logger.port';

/** Drops the tables of an attempt. @throws 55P03 within a second where a session still writes them */
export const dropSchema = (pool: Pool, schema: string): Promise<void> =>
  inTransaction(pool, async (client) => {
    await client.query("set local lock_timeout = '1s'");
    await client.query(`drop schema if exists ${escapeIdentifier(schema)} cascade`);
  });

interface Leftover {
  readonly name: string;
  /** The attempt ended its rebuild, so that its tables are in place by now. */
  readonly done: boolean;
}

/** @param alias a row of `projecting.rebuilds` */
const schemaOf = (alias: string): string =>
  `format('read_model_rebuild_%s_%s', replace(${alias}.id::text, '-', ''), ${alias}.attempt)`;

/** Schemas of attempts that have no right any more: they are done, a process died, or another one took the rebuild. */
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
 * Drops what attempts have left. Only that of an attempt that did not end its rebuild is logged. One that is still in use
 * is logged, and tried again by the next call.
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
