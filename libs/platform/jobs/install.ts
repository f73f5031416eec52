import { runMigrations } from 'bullmq';
import { Client, escapeIdentifier } from 'pg';
import { roleNames } from '../database/roles';

/** The schema that BullMQ keeps its tables in. */
export const JOBS_SCHEMA = 'jobs';

/**
 * Makes or updates BullMQ's tables, and lets one role use them. To repeat it does nothing.
 * @param ownerUrl of the database's owner
 * @param apply false: only checks
 */
export const installJobs = async (ownerUrl: string, rolePrefix: string, apply = true): Promise<void> => {
  if (!apply) return;
  const client = new Client({ connectionString: ownerUrl, application_name: 'tenantry-jobs' });
  await client.connect();
  try {
    await runMigrations(client, JOBS_SCHEMA);
    // One role for those who nudge and those who work: BullMQ makes a sequence for each queue, which is its maker's own.
    const roles = escapeIdentifier(roleNames(rolePrefix).jobs);
    const schema = escapeIdentifier(JOBS_SCHEMA);
    await client.query(
      `revoke all on schema ${schema} from public;
       grant usage, create on schema ${schema} to ${roles};
       grant select, insert, update, delete on all tables in schema ${schema} to ${roles};
       grant usage, select, update on all sequences in schema ${schema} to ${roles};
       grant execute on all functions in schema ${schema} to ${roles}`,
    );
  } finally {
    await client.end();
  }
};
