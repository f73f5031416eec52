import type { Pool } from 'pg';
import { createPool, type PoolOptions } from '#platform/database/connections/pools';

/**
 * Settings of the connections that write read models.
 * - What a crash takes back is folded again from the log, which is durable: no reason to wait for the disk.
 * - A batch joins some thousand rows to a table by its key. Told their number, the planner would rather read the whole
 *   table and hash it, which is 20 ms at 25,000 rows and grows with every customer.
 */
const SETTINGS = {
  synchronous_commit: 'off',
  plan_cache_mode: 'force_generic_plan',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_seqscan: 'off',
} as const;

/**
 * ms that a statement may take, those of a rebuild; and ms after which the answer to any other is not waited for, less
 * than the 10 s in which a database that was away is to be well again. What is written all the same is written once: the
 * checkpoint tells.
 */
export const STATEMENT_MS = 30_000;
const ANSWER_MS = 7_000;

/** @param options with the URL of the projector's role */
export const createProjectorPool = (options: Omit<PoolOptions, 'settings' | 'applicationName'>): Pool =>
  createPool({
    statementTimeoutMs: STATEMENT_MS,
    answerTimeoutMs: ANSWER_MS,
    ...options,
    applicationName: 'tenantry-projector',
    settings: SETTINGS,
  });
