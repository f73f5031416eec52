import type { Client } from 'pg';
import type { Supplement } from '../database/migrations/migrate';
import { codeOf } from '../error-code';

/** BullMQ's default schema. With a pool that BullMQ did not make, no other schema is possible. */
export const JOBS_SCHEMA = 'bullmq';

// Loaded on first use, because it takes 0.1 s and most importers of this file never use it.
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
 * The tables and functions of the installed version of BullMQ. Rights are granted again after each installation,
 * because an upgrade may add tables.
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
