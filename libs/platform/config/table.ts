import { BILLING } from './topics/billing';
import { DATA } from './topics/data';
import { LIMITS } from './topics/limits';
import { LOGS } from './topics/logs';
import { NETWORK } from './topics/network';
import { PROCESS } from './topics/process';
import { SECRETS } from './topics/secrets';

/**
 * Every setting of the product, by topic. `.env.example` and the errors for invalid settings are made from this table.
 */
export const TOPICS = {
  Process: PROCESS,
  Network: NETWORK,
  Data: DATA,
  Secrets: SECRETS,
  Limits: LIMITS,
  Billing: BILLING,
  'Logs and metrics': LOGS,
} as const;

/** All settings by name. */
export const TABLE = {
  ...PROCESS,
  ...NETWORK,
  ...DATA,
  ...SECRETS,
  ...LIMITS,
  ...BILLING,
  ...LOGS,
};
