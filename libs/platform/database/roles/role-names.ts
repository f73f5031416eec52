import { escapeIdentifier } from 'pg';

/**
 * The roles that processes log in with. None is a superuser, none bypasses row-level security.
 * - `app` serves requests: under row-level security, owns nothing
 * - `log` reads and appends events, and never changes or deletes one
 * - `projector` reads events and owns the read models
 * - `operator` reads what its schemas grant it: for the console and the command line, never for requests
 * - `jobs` adds and takes jobs, which name tenants' rows: nothing else sees them, and it sees nothing else
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

/** `<prefix>_app`, … Roles belong to a whole PostgreSQL cluster, so a second installation there needs another prefix. */
export const roleNames = (prefix: string): PerRole<string> => perRole((role) => `${prefix}_${role}`);

/** {@link roleNames} as SQL writes them. */
export const quotedRoles = (prefix: string): PerRole<string> => {
  const names = roleNames(prefix);
  return perRole((role) => escapeIdentifier(names[role]));
};
