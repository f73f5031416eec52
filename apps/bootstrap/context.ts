import type { Settings } from '#platform/config/settings';
import type { PerRole } from '#platform/database/roles/roles';
import type { Logger } from '#platform/logging/logging';
import type { DatabaseRoutes } from './database/database-routes';
import type { DatabaseWait } from './database/database-wait';
import type { StripeSettings } from './stripe';

/** The settings, URLs and keys that the parts of the product need to start. The database is running and migrated. */
export interface Context {
  /** The settings for Stripe or for the Stripe simulator; undefined if this installation uses neither. */
  readonly stripe: StripeSettings | undefined;
  readonly settings: Settings;
  /**
   * The folder for files of this installation: DATA_DIR, or another folder if PostgreSQL's user has no access to that.
   */
  readonly dataDir: string;
  readonly logger: Logger;
  /** 32 bytes. Derive a key for each purpose from it (`deriveKey`), and never use it directly. */
  readonly secretKey: Buffer;
  /**
   * Connection URLs of PostgreSQL itself, embedded or external, for everything that needs a session: locks, LISTEN and
   * COPY. `owner` is only for migrations and erasure.
   */
  readonly databaseUrls: PerRole<string> & { readonly owner: string };
  /** Connection URLs for statements that are single transactions: over the pooler if the settings name one. */
  readonly databaseRoutes: DatabaseRoutes;
  /**
   * All work of the start that needs the database goes through it: it waits for a server that is starting or
   * restarting.
   */
  readonly waitForDatabase: DatabaseWait;
}

/** A running part of the product. The API is stopped first, then the worker, then PostgreSQL. */
export interface Part {
  /**
   * Accepts no new work, waits for work in progress (at most `settings.shutdownGraceMs`), and closes every connection.
   */
  stop(): Promise<void>;
  /** The URL on which it listens, for example `http://127.0.0.1:3000`. */
  readonly url?: string;
}
