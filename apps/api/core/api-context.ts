import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import type { Snapshots } from '#event-log/aggregate/snapshots';
import type { EventLog } from '#event-log/port';
import type { SigningKeys } from '#identity/keys/signing-keys';
import type { Argon2 } from '#identity/passwords';
import type { Settings } from '#platform/config/settings';
import type { ScopedDb } from '#platform/database/scoped/scoped-db';
import type { Jobs } from '#platform/jobs/port';
import type { Logger } from '#platform/logging/logger.port';
import type { Readiness } from '#platform/readiness/readiness';
import { tokenClass } from '#platform/token-class';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import type { OpenedJobs } from '../../bootstrap/jobs';
import type { StripeSettings } from '../../bootstrap/stripe';
import type { Limiter, RatePolicy } from '../http/limits/rate-window';

/** Settings and connections that a process or a test provides to the API. It opens and closes the connections. */
export interface ApiDeps {
  readonly settings: Settings;
  readonly logger: Logger;
  /** 32 bytes, the same in every process. Keys are derived from it, one for each purpose. */
  readonly secretKey: Buffer;
  /** Connects with the database role `app`. */
  readonly pool: Pool;
  /** Queries on the read models with that pool, each limited to one tenant or user. */
  readonly db: ScopedDb;
  /** Connects with the database role `projector`, for the routes of operators. */
  readonly projectorPool: Pool;
  readonly log: EventLog;
  /** Without it, aggregates are always read from their events. */
  readonly snapshots?: Snapshots;
  readonly keys: SigningKeys;
  readonly waiter: PositionWaiter;
  readonly jobs: Pick<Jobs, 'queue'> & Pick<OpenedJobs, 'allQueues'>;
  /** Undefined if Stripe is not configured. */
  readonly stripe: StripeSettings | undefined;
  /** Creates the counters of rate limits. */
  readonly makeLimiter: (policy: RatePolicy) => Limiter;
  /** Hashes passwords; Argon2id by default. */
  readonly argon2?: Argon2;
  readonly readiness?: Pick<Readiness, 'failing' | 'add'>;
  /** Without it, there are no metrics. */
  readonly registry?: Registry;
}

/** {@link ApiDeps} as Nest injects them into the providers of feature modules. */
export abstract class ApiContext extends tokenClass<ApiDeps>() {}
