import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveSecretKey } from '../libs/platform/config/secret-key';
import type { Settings } from '../libs/platform/config/settings';
import { migrate } from '../libs/platform/database/migrate';
import { deriveRolePasswords, roleUrls } from '../libs/platform/database/roles';
import { openEmbeddedPostgres, usableDataDir } from '../libs/platform/embedded-postgres';
import { codeOf } from '../libs/platform/error-code';
import type { Logger } from '../libs/platform/logging';
import { CannotStart } from './cannot-start';
import type { Context } from './context';
import type { Lifecycle } from './lifecycle';
import { MIGRATIONS, SUPPLEMENTS } from './migrations';
import { stripeSettings } from './stripe';

const SERVER_STOP_MS = 30_000;
const WAIT_FOR_SERVER_MS = 30_000;

/** Opens the database, embedded or given, and brings it up to date: all that the parts need. */
export const prepareContext = async (settings: Settings, logger: Logger, lifecycle: Lifecycle): Promise<Context> => {
  const wanted = resolve(settings.dataDir);
  const { dir, moved } = settings.databaseUrl ? { dir: wanted, moved: false } : usableDataDir(wanted);
  if (moved) {
    logger.warn(
      `PostgreSQL's user can't get to ${wanted}, so the data is kept in ${dir}; set DATA_DIR to choose another`,
    );
  }
  const ownerUrl = settings.databaseUrl ?? (await openEmbedded(dir, logger, lifecycle));
  const secretKey = await resolveSecretKey(settings, dir);
  const prefix = settings.databaseRolePrefix;
  const rolePasswords = deriveRolePasswords(ownerUrl, secretKey, prefix);
  const { applied } = await waitingForServer(ownerUrl, logger, () =>
    migrate(ownerUrl, {
      rolePrefix: prefix,
      rolePasswords,
      migrations: MIGRATIONS,
      supplements: SUPPLEMENTS,
      apply: settings.migrateOnStart,
    }),
  );
  if (applied.length > 0) logger.info(`the database is up to date: ${applied.join(', ')}`);
  return {
    stripe: stripeSettings(settings, secretKey),
    settings,
    dataDir: dir,
    logger,
    secretKey,
    databaseUrls: { owner: ownerUrl, ...roleUrls(ownerUrl, prefix, rolePasswords) },
  };
};

const openEmbedded = async (dataDir: string, logger: Logger, lifecycle: Lifecycle): Promise<string> => {
  const opening = openEmbeddedPostgres({ dataDir, log: (level, message) => logger[level](message) });
  lifecycle.add('PostgreSQL', async () => (await opening.catch(() => undefined))?.stop(), SERVER_STOP_MS);
  const postgres = await opening;
  lifecycle.atForcedExit(postgres.stopSoon);
  logger.info(`PostgreSQL runs as process ${postgres.pid} on its data in ${dataDir}`);
  return postgres.url;
};

/** A database that is started together with us may take a while; one that is not there at all is an error. */
const waitingForServer = async <T>(url: string, logger: Logger, work: () => Promise<T>): Promise<T> => {
  for (const end = Date.now() + WAIT_FOR_SERVER_MS; ; ) {
    try {
      return await work();
    } catch (error) {
      const code = codeOf(error) ?? '';
      if (!NOT_YET_THERE.test(code) || Date.now() > end) throw unreachable(url, code, error);
      logger.warn(`waiting for PostgreSQL at ${new URL(url).host || 'its socket'} (${code})`);
      await sleep(1_000);
    }
  }
};

/** Refused, not resolved, unreachable; 57P03: the server is starting up. */
const NOT_YET_THERE = /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ENOENT|57P03)$/;

/** What `pg` says, without a code, where somebody answers who is no PostgreSQL, and where nobody does. */
const NO_POSTGRESQL = /^(Connection terminated|timeout expired)/;

const unreachable = (url: string, code: string, error: unknown): unknown => {
  if (error instanceof Error && NO_POSTGRESQL.test(error.message)) {
    return new CannotStart(
      `DATABASE_URL leads to ${new URL(url).host || 'a socket'}, where nothing answers as PostgreSQL does (${error.message}); is it the right port? Example: DATABASE_URL=postgres://owner:secret@127.0.0.1:5432/tenantry`,
      { cause: error },
    );
  }
  if (!NOT_YET_THERE.test(code) && !/^(28|3D)/.test(code)) return error;
  const reason = error instanceof Error && error.message ? error.message : code;
  return new CannotStart(
    `DATABASE_URL leads to ${new URL(url).host || 'a socket'}, which does not let us in: ${reason}. Example: DATABASE_URL=postgres://owner:secret@127.0.0.1:5432/tenantry`,
    { cause: error },
  );
};
