import { type ClientBase, escapeIdentifier, escapeLiteral, type Pool } from 'pg';
import { NotReady } from '../../readiness/check';
import { settingsSentBy, withClient } from '../connections/pools';
import type { DatabaseRole, PerRole } from './role-names';

type SessionSettings = Readonly<Record<string, string>>;

/** All names in the SQL of the product are qualified. No schema may be searched before pg_catalog. */
const SEARCH_PATH = 'pg_catalog, pg_temp';

const bounded = (statementMs: number, lockMs: number): SessionSettings => ({
  statement_timeout: String(statementMs),
  lock_timeout: String(lockMs),
  idle_in_transaction_session_timeout: '10000',
  // The statements of the product are short and prepared: compiling them costs more time than it saves.
  jit: 'off',
  search_path: SEARCH_PATH,
});

/**
 * The settings that PostgreSQL applies to every session of a role at its login; times are in ms. A pooler does not pass
 * on start-up parameters, so behind a pooler these are the limits of a statement. A direct connection may send narrower
 * ones. For `log`, the time for a lock is short, so that the deadline of an append leaves time for a second attempt.
 */
const ROLE_SETTINGS: PerRole<SessionSettings> = {
  app: bounded(5_000, 5_000),
  log: bounded(5_000, 1_600),
  projector: bounded(30_000, 5_000),
  operator: bounded(10_000, 5_000),
  jobs: bounded(5_000, 5_000),
};

const entries = Object.entries(ROLE_SETTINGS) as [keyof PerRole<unknown>, SessionSettings][];

/** The SQL statements that set {@link ROLE_SETTINGS}. @param names of the roles, not quoted */
export const roleSettingStatements = (names: PerRole<string>): string[] =>
  entries.flatMap(([role, settings]) =>
    Object.entries(settings).map(([name, value]) => {
      const list = name === 'search_path' ? value : escapeLiteral(value);
      return `alter role ${escapeIdentifier(names[role])} set ${name} = ${list}`;
    }),
  );

/** Whether all roles have all of their settings. @param names of the roles, not quoted */
export const haveRoleSettings = async (client: ClientBase, names: PerRole<string>): Promise<boolean> => {
  const { rows } = await client.query<{ role: string; settings: string[] | null }>(
    'select rolname as role, rolconfig as settings from pg_catalog.pg_roles where rolname = any($1)',
    [Object.values(names)],
  );
  return entries.every(([role, settings]) => {
    const present = rows.find((row) => row.role === names[role])?.settings ?? [];
    return Object.entries(settings).every(([name, value]) => present.includes(`${name}=${value}`));
  });
};

/**
 * Checks that the sessions of a pool have the settings of its role, and the settings that the pool itself sends.
 * @throws NotReady that names each setting that differs, with both values
 */
export const requireSettings = async (pool: Pool, role: DatabaseRole): Promise<void> => {
  const wanted = { ...ROLE_SETTINGS[role], ...settingsSentBy(pool) };
  const { rows } = await withClient(pool, (client) =>
    client.query<{ name: string; setting: string }>(
      'select name, setting from pg_catalog.pg_settings where name = any($1)',
      [Object.keys(wanted)],
    ),
  );
  const wrong = Object.entries(wanted).flatMap(([name, value]) => {
    const setting = rows.find((row) => row.name === name)?.setting;
    return setting === value ? [] : [`${name} is ${setting || 'unset'} and must be ${value}`];
  });
  if (wrong.length === 0) return;
  throw new NotReady(`The PostgreSQL sessions of the role "${role}" have wrong settings: ${wrong.join('; ')}.`);
};
