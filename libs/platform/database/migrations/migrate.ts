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

/** Tables of a library that migrates them by itself. The owner installs them after the migrations. */
export interface Supplement {
  readonly name: string;
  isCurrent(owner: Client): Promise<boolean>;
  /** @param roles the quoted names of the roles */
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
  /**
   * Ids of the migrations and names of the supplements that this call applied; empty if the database was up to date.
   */
  readonly applied: readonly string[];
}

/** Major version. */
const OLDEST_SERVER = 15;
/** ms. A server that accepts a connection and does not answer is not PostgreSQL, or it hangs. */
const CONNECT_MS = 10_000;
const LOCK_TIMEOUT_MS = 5_000;
const LOCK_ATTEMPTS = 12;

/**
 * Brings the database of `ownerUrl` up to date: first the roles, then each missing migration in its own transaction.
 * Any number of processes may call it at the same time. If nothing is missing, it costs a few queries and two parallel
 * logins.
 *
 * SQL files contain `{{app}}`, `{{log}}`, `{{projector}}`, `{{operator}}` and `{{jobs}}` in place of the names of the
 * roles.
 * @throws DatabaseSetupError the server is too old, a migration fails or was changed after it was applied, a right is
 *   missing, or something is missing and `apply` is false
 */
export const migrate = async (ownerUrl: string, options: MigrateOptions): Promise<MigrateResult> => {
  const migrations = await Promise.all(options.migrations.map(loadMigration));
  const owner = new Client({
    connectionString: ownerUrl,
    application_name: 'tenantry-migrate',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
  });
  // If the connection is lost, the query in progress rejects; without this listener the process would end.
  owner.on('error', () => undefined);
  await owner.connect();
  try {
    const [missing, canRolesLogIn] = await Promise.all([
      listMissing(owner, migrations, options),
      canAllLogIn(roleUrls(ownerUrl, options.rolePrefix, options.rolePasswords)),
    ]);
    const areRolesCurrent = canRolesLogIn && (await haveRoleSettings(owner, roleNames(options.rolePrefix)));
    if (missing.length === 0 && areRolesCurrent) return { applied: [] };
    if (options.apply === false) {
      const lacks = missing.length > 0 ? missing.join(', ') : 'the current passwords and settings of the roles';
      throw new DatabaseSetupError(
        `the database lacks ${lacks}, and MIGRATE_ON_START is false; run \`tenantry migrate\` or set MIGRATE_ON_START=true`,
      );
    }
    return { applied: await bringUpToDate(owner, migrations, options, areRolesCurrent) };
  } finally {
    await owner.end().catch(() => undefined);
  }
};

const listOutdated = async (owner: Client, { supplements = [] }: MigrateOptions): Promise<Supplement[]> => {
  const outdated: Supplement[] = [];
  for (const supplement of supplements) if (!(await supplement.isCurrent(owner))) outdated.push(supplement);
  return outdated;
};

const listMissing = async (
  owner: Client,
  migrations: readonly LoadedMigration[],
  options: MigrateOptions,
): Promise<string[]> => [
  ...(await pendingMigrations(owner, migrations, options.retired)).map((it) => it.id),
  ...(await listOutdated(owner, options)).map((it) => it.name),
];

/**
 * Whether the roles can log in. Two of them are enough: all roles are created and updated together, and `jobs` is the
 * one that an older installation may lack.
 */
const canAllLogIn = async ({ app, jobs }: PerRole<string>): Promise<boolean> =>
  (await Promise.all([canLogIn(app), canLogIn(jobs)])).every(Boolean);

/** Roles belong to the whole cluster, so another installation may have changed a password: only a login shows it. */
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
    // 28…: unknown role or wrong password; 42501: no right to connect to this database. 3D000 (no such database) cannot
    // occur, because the owner is connected to it.
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
  areRolesCurrent: boolean,
): Promise<string[]> => {
  await requireServer(owner);
  await owner.query('select pg_advisory_lock($1)', [ADVISORY_LOCKS.migrating]);
  // Not if they are current: an administrator may have created them for an owner that may not.
  if (!areRolesCurrent) await ensureRoles(owner, options.rolePrefix, options.rolePasswords);
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
  // Read again: another process may have applied migrations while this one waited for the lock.
  const pending = await pendingMigrations(owner, migrations, options.retired);
  for (const migration of pending) await apply(owner, migration, options.rolePrefix);
  const outdated = await listOutdated(owner, options);
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
    `DATABASE_URL leads to PostgreSQL ${server?.version}, which is too old; use PostgreSQL ${OLDEST_SERVER} or later`,
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
      // A long wait for a lock on a table would block all later queries on this table: they queue behind it.
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
