import type { Settings } from '#platform/config/settings';
import type { PerRole } from '#platform/database/roles/roles';
import type { Logger } from '#platform/logging/logging';
import type { DatabaseRoutes } from './database/database-routes';
import type { DatabaseWait } from './database/database-wait';
import type { StripeSettings } from './stripe';

/** What `main.ts` has prepared for the parts of the product: the database is up and migrated. */
export interface Context {
  /** Stripe, where this installation has one: its own address, or one on loopback. */
  readonly stripe: StripeSettings | undefined;
  readonly settings: Settings;
  /** Where files of this installation are kept: DATA_DIR, or where PostgreSQL's user can get to it. */
  readonly dataDir: string;
  readonly logger: Logger;
  /** 32 bytes. Derive what you need from it (HKDF, a label per purpose); never use it as it is. */
  readonly secretKey: Buffer;
  /**
   * Connection URLs of PostgreSQL itself, the same for embedded and external PostgreSQL. `owner` is for migrations and
   * erasure alone. What is bound to a session (locks, LISTEN, COPY) uses these.
   */
  readonly databaseUrls: PerRole<string> & { readonly owner: string };
  /** The same for statements that are a transaction of their own each: over a pooler where the settings name one. */
  readonly databaseRoutes: DatabaseRoutes;
  /** Whatever a start needs of the database goes through it, so that a server that restarts meanwhile is waited for. */
  readonly waitForDatabase: DatabaseWait;
}

/** A running part. Parts are stopped in the order api, worker; PostgreSQL ends after them. */
export interface Part {
  /** Takes nothing new, waits for what is under way (`settings.shutdownGraceMs` at most), closes every connection. */
  stop(): Promise<void>;
  /** Where it listens: `http://127.0.0.1:3000`. */
  readonly url?: string;
}
