import { resolve } from 'node:path';
import { resolveSecretKey } from '#platform/config/secret-key';
import type { Settings } from '#platform/config/settings';
import { migrate } from '#platform/database/migrations/migrate';
import { deriveRolePasswords, roleUrls } from '#platform/database/roles/roles';
import { openEmbeddedPostgres, usableDataDir } from '#platform/embedded-postgres/index';
import type { Logger } from '#platform/logging/logging';
import { MIGRATIONS, RETIRED, SUPPLEMENTS } from '../../migrations';
import type { Context } from '../context';
import type { Lifecycle } from '../process/lifecycle';
import { stripeSettings } from '../stripe';
import { connectionsOf } from './connections';
import { findRoutes, requireDirectServer } from './database-routes';
import { createDatabaseWait } from './database-wait';

const SERVER_STOP_MS = 30_000;

/**
 * Starts the embedded database or connects to the configured one, migrates it, and returns what the parts of the
 * product need to start.
 * @throws CannotStart, DatabaseSetupError, EmbeddedPostgresError or SettingsError with a sentence for operators
 */
export const prepareContext = async (settings: Settings, logger: Logger, lifecycle: Lifecycle): Promise<Context> => {
  const wanted = resolve(settings.dataDir);
  const { dir, moved } = settings.databaseUrl ? { dir: wanted, moved: false } : usableDataDir(wanted);
  if (moved) {
    logger.warn(
      `the user as which PostgreSQL runs cannot access ${wanted}, so the data is stored in ${dir}; set DATA_DIR to choose another folder`,
    );
  }
  const ownerUrl = settings.databaseDirectUrl ?? settings.databaseUrl ?? (await openEmbedded(dir, logger, lifecycle));
  const secretKey = await resolveSecretKey(settings, dir);
  const prefix = settings.databaseRolePrefix;
  const rolePasswords = deriveRolePasswords(ownerUrl, secretKey, prefix);
  const directUrls = roleUrls(ownerUrl, prefix, rolePasswords);
  const connections = connectionsOf(settings);
  const setting = settings.databaseDirectUrl ? 'DATABASE_DIRECT_URL' : 'DATABASE_URL';
  const waitForDatabase = createDatabaseWait({ url: ownerUrl, setting, connections, logger });
  const server = settings.databaseUrl
    ? await waitForDatabase(() => requireDirectServer(ownerUrl, settings))
    : undefined;
  const { applied } = await waitForDatabase(() =>
    migrate(ownerUrl, {
      rolePrefix: prefix,
      rolePasswords,
      migrations: MIGRATIONS,
      retired: RETIRED,
      supplements: SUPPLEMENTS,
      apply: settings.migrateOnStart,
    }),
  );
  if (applied.length > 0) logger.info(`the database is up to date now; applied: ${applied.join(', ')}`);
  const url = settings.databaseUrl ?? ownerUrl;
  const waitForRoutes = createDatabaseWait({ url, setting: 'DATABASE_URL', connections, logger });
  const databaseRoutes = await waitForRoutes(() => findRoutes(settings, server, directUrls, rolePasswords));
  return {
    stripe: stripeSettings(settings, secretKey),
    settings,
    dataDir: dir,
    logger,
    secretKey,
    databaseUrls: { owner: ownerUrl, ...directUrls },
    databaseRoutes,
    waitForDatabase,
  };
};

const openEmbedded = async (dataDir: string, logger: Logger, lifecycle: Lifecycle): Promise<string> => {
  const opening = openEmbeddedPostgres({ dataDir, log: (level, message) => logger[level](message) });
  lifecycle.add('PostgreSQL', async () => (await opening.catch(() => undefined))?.stop(), SERVER_STOP_MS);
  const postgres = await opening;
  lifecycle.atForcedExit(postgres.stopSoon);
  logger.info(`PostgreSQL runs as process ${postgres.pid}; its data is in ${dataDir}`);
  return postgres.url;
};
