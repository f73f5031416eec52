import type { Pool } from 'pg';
import { escapeIdentifier } from 'pg';
import { inTransaction, withClient } from '../platform/database/pools';
import type { Logger } from '../platform/logger.port';

/** Drops the tables of an attempt. @throws 55P03 within a second where a session still writes them */
export const dropSchema = (pool: Pool, schema: string): Promise<void> =>
  inTransaction(pool, async (client) => {
    await client.query("set local lock_timeout = '1s'");
    await client.query(`drop schema if exists ${escapeIdentifier(schema)} cascade`);
  });

/** Schemas of attempts that have no right any more: a process died, or another one took the rebuild. */
const leftovers = (pool: Pool): Promise<string[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select n.nspname as name from pg_namespace n
       where n.nspname like 'read\\_model\\_rebuild\\_%' and n.nspowner = current_user::regrole and not exists (
         select from projecting.rebuilds r where r.state in ('loading', 'catching-up')
           and n.nspname = format('read_model_rebuild_%s_%s', replace(r.id::text, '-', ''), r.attempt))`,
    );
    return rows.map(({ name }) => name);
  });

/** Drops what attempts that died have left. One that is still in use is logged, and tried again by the next call. */
export const dropLeftovers = async (pool: Pool, logger: Logger): Promise<void> => {
  for (const schema of await leftovers(pool)) {
    try {
      await dropSchema(pool, schema);
      logger.info({ schema }, 'dropped the tables of a rebuild that did not end');
    } catch (error) {
      logger.warn({ err: error, schema }, 'the tables of a rebuild that did not end cannot be dropped yet');
    }
  }
};
