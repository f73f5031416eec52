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

/** What the API takes from its process, or from a test: settings, and the connections that its caller opens and closes. */
export interface ApiDeps {
  readonly settings: Settings;
  readonly logger: Logger;
  /** 32 bytes, the same in every process. Keys are derived from it, one for each purpose. */
  readonly secretKey: Buffer;
  /** Connects as the app role. */
  readonly pool: Pool;
  /** The ways to the read models over that pool. */
  readonly db: ScopedDb;
  /** Connects as the projector, for what operators ask for. */
  readonly projectorPool: Pool;
  readonly log: EventLog;
  /** Left out, aggregates are always read from their events. */
  readonly snapshots?: Snapshots;
  readonly keys: SigningKeys;
  readonly waiter: PositionWaiter;
  readonly jobs: Pick<Jobs, 'queue'> & Pick<OpenedJobs, 'allQueues'>;
  /** Undefined where this installation has no Stripe. */
  readonly stripe: StripeSettings | undefined;
  readonly makeLimiter: (policy: RatePolicy) => Limiter;
  /** Argon2id by default. */
  readonly argon2?: Argon2;
  readonly readiness?: Pick<Readiness, 'failing' | 'add'>;
  readonly registry?: Registry;
}

/** The surroundings as Nest injects them into the providers of feature modules. */
export abstract class ApiContext extends tokenClass<ApiDeps>() {}
