import type { Client } from 'pg';
import type { Supplement } from '../database/migrations/migrate';
import { codeOf } from '../error-code';

/** BullMQ's default, which a connection pool that it did not make itself is bound to. */
export const JOBS_SCHEMA = 'bullmq';

// Loaded where it is needed: BullMQ takes a tenth of a second, and code that only names this has no use for it.
const bullmq = (): typeof import('bullmq') => require('bullmq');

const versionIn = async (owner: Client): Promise<number> => {
  try {
    const { rows } = await owner.query<{ version: number | null }>(
      `select max(version) as version from ${JOBS_SCHEMA}.migration`,
    );
    return rows[0]?.version ?? 0;
  } catch (error) {
    if (codeOf(error) === '42P01' || codeOf(error) === '3F000') return 0;
    throw error;
  }
};

/**
 * The tables and functions that BullMQ brings along, in the version that is installed. Rights are granted again each
 * time, because an upgrade may bring tables.
 */
export const jobsSchema: Supplement = {
  name: 'jobs-schema',
  isCurrent: async (owner) => (await versionIn(owner)) >= bullmq().LATEST_SCHEMA_VERSION,
  install: async (owner, { jobs }) => {
    await bullmq().runMigrations(owner, JOBS_SCHEMA);
    await owner.query(`
      grant select, insert, update, delete on all tables in schema ${JOBS_SCHEMA} to ${jobs};
      revoke insert, update, delete on ${JOBS_SCHEMA}.migration from ${jobs};
      grant usage on all sequences in schema ${JOBS_SCHEMA} to ${jobs}`);
  },
};
