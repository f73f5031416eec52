import type { Settings } from '#platform/config/settings';
import {
  identifyServer,
  isRefusedByPooler,
  type Route,
  type ServerIdentity,
} from '#platform/database/connections/pooler';
import { type PerRole, roleNames, roleUrls } from '#platform/database/roles/roles';
import { codeOf } from '#platform/error-code';
import { CannotStart } from '../process/cannot-start';

/** The routes of the roles whose statements are single transactions, which work over a pooler. */
export type DatabaseRoutes = Readonly<Record<'app' | 'log', Route>>;

const EXAMPLE = 'DATABASE_DIRECT_URL=postgres://owner:secret@127.0.0.1:5432/tenantry';
const PAGE = 'see docs/postgresql.md';

const hostOf = (url: string): string => new URL(url).host || 'a socket';

/**
 * Checks that the URL leads to PostgreSQL itself: over a pooler in transaction mode, session locks, LISTEN, COPY and
 * migrations do not work.
 * @throws CannotStart the URL leads to a pooler
 */
export const requireDirectServer = async (url: string, settings: Settings): Promise<ServerIdentity> => {
  const server = await identifyServer(url).catch((error: unknown) => {
    if (isRefusedByPooler(error)) throw poolerRefused(url, settings);
    throw error;
  });
  if (server.behindPooler) throw poolerRefused(url, settings);
  return server;
};

const poolerRefused = (url: string, { databaseDirectUrl }: Settings): CannotStart =>
  new CannotStart(
    databaseDirectUrl
      ? `DATABASE_DIRECT_URL points to a connection pooler at ${hostOf(url)}; it must point to PostgreSQL itself. Example: ${EXAMPLE}`
      : `DATABASE_URL points to a connection pooler at ${hostOf(url)}, through which locks, LISTEN, COPY and migrations do not work; set DATABASE_DIRECT_URL to PostgreSQL itself, and keep DATABASE_URL for the pooler. Example: ${EXAMPLE}`,
  );

/**
 * The routes for the statements of requests: directly to PostgreSQL, or over the pooler at `DATABASE_URL` if
 * `DATABASE_DIRECT_URL` is set. The roles must exist.
 * @throws CannotStart the pooler refuses a role, or leads to another database
 */
export const findRoutes = async (
  settings: Settings,
  direct: ServerIdentity | undefined,
  directUrls: PerRole<string>,
  passwords: PerRole<string>,
): Promise<DatabaseRoutes> => {
  if (!settings.databaseUrl || !settings.databaseDirectUrl) {
    return { app: { url: directUrls.app }, log: { url: directUrls.log } };
  }
  const urls = roleUrls(settings.databaseUrl, settings.databaseRolePrefix, passwords);
  const names = roleNames(settings.databaseRolePrefix);
  const identify = async (role: 'app' | 'log'): Promise<ServerIdentity> => {
    try {
      return await identifyServer(urls[role]);
    } catch (error) {
      const code = codeOf(error) ?? '';
      if (!/^(08P01|28|3D)/.test(code)) throw error;
      throw new CannotStart(
        `the pooler of DATABASE_URL at ${hostOf(urls[role])} refuses the role ${names[role]}: ${error instanceof Error ? error.message : code}. Give the pooler the roles' passwords; ${PAGE}`,
        { cause: error },
      );
    }
  };
  // One after the other, because the pooler may have a single connection.
  const app = await identify('app');
  await identify('log');
  if (direct && app.database !== direct.database) {
    throw new CannotStart(
      `DATABASE_URL (${hostOf(urls.app)}) and DATABASE_DIRECT_URL (${hostOf(directUrls.app)}) point to different databases; both must point to the same one`,
    );
  }
  const prepared = settings.databasePoolerPreparedStatements ? 'named-statements' : 'unnamed-statements';
  const pooler = app.behindPooler ? prepared : undefined;
  return { app: { url: urls.app, pooler }, log: { url: urls.log, pooler } };
};
