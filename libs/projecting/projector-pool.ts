import type { Pool } from 'pg';
import { createPool, type PoolOptions } from '#platform/database/connections/pools';

/**
 * Settings of the connections that write read models.
 * - `synchronous_commit = off`: rows that a crash of the server loses are folded again from the durable log, so a
 *   commit need not wait for the disk.
 * - The others: a batch joins some thousand rows to a table by its key. If the planner knew that number, it would read
 *   and hash the whole table instead, which takes 20 ms at 25,000 rows and grows with every tenant.
 */
const SETTINGS = {
  synchronous_commit: 'off',
  plan_cache_mode: 'force_generic_plan',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_seqscan: 'off',
} as const;

/** ms after which the server cancels a statement. Statements of a rebuild may take all of it. */
export const STATEMENT_MS = 30_000;
/**
 * ms after which any other statement fails without an answer: less than the 10 s within which projections must run
 * again after an outage of the database. If the server executes such a statement nevertheless, its rows are written
 * once, because the checkpoint has moved.
 */
const ANSWER_MS = 7_000;

/** A pool for the workers that write read models. @param options its `url` connects as the projector */
export const createProjectorPool = (options: Omit<PoolOptions, 'settings' | 'applicationName'>): Pool =>
  createPool({
    statementTimeoutMs: STATEMENT_MS,
    answerTimeoutMs: ANSWER_MS,
    ...options,
    applicationName: 'tenantry-projector',
    settings: SETTINGS,
  });
