import { escapeIdentifier } from 'pg';

/**
 * The roles as which processes log in. None is a superuser, and none bypasses row-level security.
 * - `app` serves requests. Row-level security applies to it, and it owns nothing
 * - `log` reads and appends events. It cannot change or delete them
 * - `projector` reads events and owns the read models
 * - `operator` reads what the schemas grant it, for the console and the command line, never for requests
 * - `jobs` adds and processes jobs, which name rows of tenants. It can access only the tables of jobs, and no other
 *   role can access them
 */
export const DATABASE_ROLES = ['app', 'log', 'projector', 'operator', 'jobs'] as const;
export type DatabaseRole = (typeof DATABASE_ROLES)[number];
export type PerRole<T> = Readonly<Record<DatabaseRole, T>>;

/** One value for each role. */
export const perRole = <T>(make: (role: DatabaseRole) => T): PerRole<T> => ({
  app: make('app'),
  log: make('log'),
  projector: make('projector'),
  operator: make('operator'),
  jobs: make('jobs'),
});

/**
 * `<prefix>_app` and so on. Roles belong to a whole PostgreSQL server, so each installation on it needs its own prefix.
 */
export const roleNames = (prefix: string): PerRole<string> => perRole((role) => `${prefix}_${role}`);

/** {@link roleNames} as quoted SQL identifiers. */
export const quotedRoles = (prefix: string): PerRole<string> => {
  const names = roleNames(prefix);
  return perRole((role) => escapeIdentifier(names[role]));
};
