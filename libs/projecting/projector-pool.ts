import type { Pool } from 'pg';
import { createPool, type PoolOptions } from '../platform/database/pools';

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

/** @param options with the URL of the projector's role; statements may take 30 s unless given */
export const createProjectorPool = (options: Omit<PoolOptions, 'settings' | 'applicationName'>): Pool =>
  createPool({ statementTimeoutMs: 30_000, ...options, applicationName: 'tenantry-projector', settings: SETTINGS });
