import { setTimeout as sleep } from 'node:timers/promises';
import { Client, DatabaseError, escapeIdentifier } from 'pg';
import { DatabaseSetupError } from '../errors';
import { ADVISORY_LOCKS } from '../locks/advisory-locks';
import { haveRoleSettings } from '../roles/role-settings';
import {
  DATABASE_ROLES,
  ensureRoles,
  type PerRole,
  quotedRoles,
  roleNames,
  roleUrls,
  secureDatabase,
} from '../roles/roles';
import {
  type LoadedMigration,
  loadMigration,
  type Migration,
  pendingMigrations,
  recordApplied,
} from './applied-migrations';

/** What a library keeps in the database and migrates by itself. Installed by the owner, after the migrations. */
export interface Supplement {
  readonly name: string;
  isCurrent(owner: Client): Promise<boolean>;
  /** @param roles their names, quoted */
  install(owner: Client, roles: PerRole<string>): Promise<void>;
}

export interface MigrateOptions {
  readonly rolePrefix: string;
  readonly rolePasswords: PerRole<string>;
  readonly migrations: readonly Migration[];
  /** Ids of migrations of development versions. A database that has one of them is refused. */
  readonly retired?: readonly string[];
  readonly supplements?: readonly Supplement[];
  /** False: nothing is changed, and a database that is not up to date is an error. True by default. */
  readonly apply?: boolean;
}

export interface MigrateResult {
  /** Ids that this call applied. Empty on a warm start. */
  readonly applied: readonly string[];
}

const OLDEST_SERVER = 15;
/** What takes a connection and says nothing is no PostgreSQL, or a dead one. */
const CONNECT_MS = 10_000;
const LOCK_TIMEOUT_MS = 5_000;
const LOCK_ATTEMPTS = 12;

/**
 * Brings the database of `ownerUrl` up to date: roles, then each missing migration in a transaction of its own. Any
 * number of processes may call it at once. With nothing to do it costs a few queries and two logins at the same time.
 *
 * SQL files write `{{app}}`, `{{log}}`, `{{projector}}`, `{{operator}}`, `{{jobs}}` for the roles' names.
 * @throws DatabaseSetupError the server is too old, a migration was changed after it was applied, a right is missing
 */
export const migrate = async (ownerUrl: string, options: MigrateOptions): Promise<MigrateResult> => {
  const migrations = await Promise.all(options.migrations.map(loadMigration));
  const owner = new Client({
    connectionString: ownerUrl,
    application_name: 'tenantry-migrate',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
  });
  // The connection's loss arrives at the query that waits for it.
  owner.on('error', () => undefined);
  await owner.connect();
  try {
    const [pending, rolesLogIn] = await Promise.all([
      missingIn(owner, migrations, options),
      doRolesWork(roleUrls(ownerUrl, options.rolePrefix, options.rolePasswords)),
    ]);
    const rolesWork = rolesLogIn && (await haveRoleSettings(owner, roleNames(options.rolePrefix)));
    if (pending.length === 0 && rolesWork) return { applied: [] };
    if (options.apply === false) {
      const lacks = pending.length > 0 ? pending.join(', ') : "the roles' present passwords and settings";
      throw new DatabaseSetupError(
        `the database lacks ${lacks}, and MIGRATE_ON_START is false; run \`tenantry migrate\` or set MIGRATE_ON_START=true`,
      );
    }
    return { applied: await bringUpToDate(owner, migrations, options, rolesWork) };
  } finally {
    await owner.end().catch(() => undefined);
  }
};

const outdatedIn = async (owner: Client, { supplements = [] }: MigrateOptions): Promise<Supplement[]> => {
  const outdated: Supplement[] = [];
  for (const supplement of supplements) if (!(await supplement.isCurrent(owner))) outdated.push(supplement);
  return outdated;
};

const missingIn = async (
  owner: Client,
  migrations: readonly LoadedMigration[],
  options: MigrateOptions,
): Promise<string[]> => [
  ...(await pendingMigrations(owner, migrations, options.retired)).map((it) => it.id),
  ...(await outdatedIn(owner, options)).map((it) => it.name),
];

/** All are made and mended together. An installation that is older than `jobs` has the others. */
const doRolesWork = async ({ app, jobs }: PerRole<string>): Promise<boolean> =>
  (await Promise.all([canLogIn(app), canLogIn(jobs)])).every(Boolean);

/** Passwords are the cluster's and not the database's: only a login tells whether they are the ones we derive. */
const canLogIn = async (url: string): Promise<boolean> => {
  const client = new Client({
    connectionString: url,
    application_name: 'tenantry-migrate',
    connectionTimeoutMillis: CONNECT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch (error) {
    // 28…: unknown role or wrong password; 42501: may not connect to this database; 3D000 can't be, the owner is in.
    if (error instanceof DatabaseError && (error.code?.startsWith('28') || error.code === '42501')) return false;
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
};

const bringUpToDate = async (
  owner: Client,
  migrations: readonly LoadedMigration[],
  options: MigrateOptions,
  rolesWork: boolean,
): Promise<string[]> => {
  await requireServer(owner);
  await owner.query('select pg_advisory_lock($1)', [ADVISORY_LOCKS.migrating]);
  // An administrator may have made them for an owner who can't.
  if (!rolesWork) await ensureRoles(owner, options.rolePrefix, options.rolePasswords);
  await explainingRights(owner, async () => {
    await secureDatabase(owner, options.rolePrefix);
    await owner.query(`
      create schema if not exists platform;
      create table if not exists platform.migrations (
        id         text primary key,
        checksum   text not null,
        applied_at timestamptz not null default now()
      )`);
  });
  // Another process may have done it while this one waited for the lock.
  const pending = await pendingMigrations(owner, migrations, options.retired);
  for (const migration of pending) await apply(owner, migration, options.rolePrefix);
  const outdated = await outdatedIn(owner, options);
  const roles = quotedRoles(options.rolePrefix);
  for (const supplement of outdated) await explainingRights(owner, () => supplement.install(owner, roles));
  return [...pending.map((it) => it.id), ...outdated.map((it) => it.name)];
};

const requireServer = async (owner: Client): Promise<void> => {
  const { rows } = await owner.query<{ version: string; number: number }>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::integer as number`,
  );
  const server = rows[0];
  if (server && server.number >= OLDEST_SERVER * 10_000) return;
  throw new DatabaseSetupError(
    `DATABASE_URL leads to PostgreSQL ${server?.version}; ${OLDEST_SERVER} or later is needed`,
  );
};

const apply = async (owner: Client, { id, sql, checksum }: LoadedMigration, rolePrefix: string): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await owner.query(`begin; set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
      await explainingRights(owner, () => owner.query(withRoles(sql, rolePrefix)));
      await recordApplied(owner, [{ id, checksum }]);
      await owner.query('commit');
      return;
    } catch (error) {
      await owner.query('rollback').catch(() => undefined);
      if (error instanceof DatabaseSetupError) throw error;
      // Waiting without an end for a lock would make every later query on that table wait behind us.
      const busy = error instanceof DatabaseError && error.code === '55P03';
      if (!busy || attempt === LOCK_ATTEMPTS) throw failed(id, error);
      await sleep(250 * attempt);
    }
  }
};

const failed = (id: string, error: unknown): DatabaseSetupError => {
  const line = error instanceof DatabaseError && error.position ? ` (character ${error.position})` : '';
  const reason = error instanceof Error ? error.message : String(error);
  return new DatabaseSetupError(`migration ${id} failed${line}: ${reason}`, { cause: error });
};

const withRoles = (sql: string, rolePrefix: string): string => {
  const names = quotedRoles(rolePrefix);
  return DATABASE_ROLES.reduce((text, role) => text.replaceAll(`{{${role}}}`, names[role]), sql);
};

const explainingRights = async (owner: Client, work: () => Promise<unknown>): Promise<void> => {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== '42501') throw error;
    const user = escapeIdentifier(owner.user ?? 'owner');
    const database = escapeIdentifier(owner.database ?? 'tenantry');
    throw new DatabaseSetupError(
      `${error.message}. Let the user of DATABASE_URL own its database; an administrator must run\n  alter database ${database} owner to ${user};`,
      { cause: error },
    );
  }
};
