import { resolve } from 'node:path';
import { resolveSecretKey } from '#platform/config/secret-key';
import type { Settings } from '#platform/config/settings';
import { deriveRolePasswords, roleUrls } from '#platform/database/roles/roles';
import { usableDataDir } from '#platform/embedded-postgres/index';
import { embeddedUrl } from '#platform/embedded-postgres/running';
import type { Logger } from '#platform/logging/logging';
import type { Context } from '../bootstrap/context';
import { stripeSettings } from '../bootstrap/stripe';
import { UsageError } from './usage';

/**
 * The context of a command: with the database of the settings, or the embedded one of the running product in
 * `DATA_DIR`.
 * @throws UsageError there is no database
 */
export const connect = async (settings: Settings, logger: Logger): Promise<Context> => {
  const dataDir = settings.databaseUrl ? resolve(settings.dataDir) : usableDataDir(resolve(settings.dataDir)).dir;
  const owner = settings.databaseDirectUrl ?? settings.databaseUrl ?? (await embeddedUrl(dataDir));
  if (!owner) throw new UsageError(`there is no database in ${dataDir}; start Tenantry first, or set DATABASE_URL`);
  const secretKey = await resolveSecretKey(settings, dataDir);
  const passwords = deriveRolePasswords(owner, secretKey, settings.databaseRolePrefix);
  const databaseUrls = { owner, ...roleUrls(owner, settings.databaseRolePrefix, passwords) };
  return {
    ...{ settings, dataDir, logger, secretKey, databaseUrls },
    stripe: stripeSettings(settings, secretKey),
    // Directly to PostgreSQL: a command opens few connections, and works also while the pooler does not.
    databaseRoutes: { app: { url: databaseUrls.app }, log: { url: databaseUrls.log } },
    // Without a wait: the operator sees the failure, and can run the command again.
    waitForDatabase: (work) => work(),
  };
};
