import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { type ClientBase, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg';
import { DatabaseSetupError } from '../errors';
import { DATABASE_ROLES, type PerRole, perRole, roleNames } from './role-names';
import { roleSettingStatements } from './role-settings';

export { DATABASE_ROLES, type DatabaseRole, type PerRole, quotedRoles, roleNames } from './role-names';

/**
 * The passwords of the roles. Every process with the same configuration derives the same ones, so that they need no
 * setting: from the password in `ownerUrl`, or from the secret key if the URL contains no password.
 * @throws DatabaseSetupError `ownerUrl` is not a URL
 */
export const deriveRolePasswords = (ownerUrl: string, secretKey: Buffer, prefix: string): PerRole<string> => {
  const owner = parse(ownerUrl);
  const password = decodeURIComponent(owner.password) || owner.searchParams.get('password');
  const names = roleNames(prefix);
  return perRole((role) =>
    createHmac('sha256', password || secretKey)
      .update(`tenantry database role ${names[role]}`)
      .digest('base64url'),
  );
};

/**
 * The URL of the same database for another user. A URL without a host (a Unix socket) cannot contain credentials before
 * the host, so they become parameters.
 * @throws DatabaseSetupError `ownerUrl` is not a URL
 */
export const urlFor = (ownerUrl: string, user: string, password: string): string => {
  const url = parse(ownerUrl);
  if (url.host === '' || url.searchParams.has('user') || url.searchParams.has('password')) {
    url.searchParams.set('user', user);
    url.searchParams.set('password', password);
  }
  if (url.host !== '') {
    url.username = user;
    url.password = password;
  }
  return url.href;
};

const parse = (ownerUrl: string): URL => {
  try {
    return new URL(ownerUrl);
  } catch {
    // The message does not contain the URL, which may contain a password.
    throw new DatabaseSetupError('DATABASE_URL is not a URL; example: postgres://owner:secret@127.0.0.1:5432/tenantry');
  }
};

/** The connection URL of each role. @throws DatabaseSetupError `ownerUrl` is not a URL */
export const roleUrls = (ownerUrl: string, prefix: string, passwords: PerRole<string>): PerRole<string> => {
  const names = roleNames(prefix);
  return perRole((role) => urlFor(ownerUrl, names[role], passwords[role]));
};

interface RoleRow {
  rolname: string;
  too_strong: boolean;
}

/**
 * Creates the missing roles, and sets the passwords and settings of all roles, as the user of `client`.
 * @throws DatabaseSetupError that user has no right to do so, or a role has rights that bypass tenant isolation; the
 *   message contains the SQL for an administrator
 */
export const ensureRoles = async (client: ClientBase, prefix: string, passwords: PerRole<string>): Promise<void> => {
  const names = roleNames(prefix);
  const verifiers = perRole((role) => scramVerifier(passwords[role]));
  const { rows } = await client.query<RoleRow>(
    `select rolname, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication as too_strong
     from pg_roles where rolname = any($1)`,
    [Object.values(names)],
  );
  const strong = rows.filter((row) => row.too_strong).map((row) => escapeIdentifier(row.rolname));
  if (strong.length > 0) {
    const sql = strong.map(
      (role) => `  alter role ${role} nosuperuser nobypassrls nocreaterole nocreatedb noreplication;`,
    );
    throw new DatabaseSetupError(
      `these database roles have rights that bypass tenant isolation: ${strong.join(', ')}; an administrator must run\n${sql.join('\n')}`,
    );
  }
  const existing = new Set(rows.map((row) => row.rolname));
  const statements = DATABASE_ROLES.flatMap((role) => {
    const name = escapeIdentifier(names[role]);
    const verb = existing.has(names[role]) ? 'alter' : 'create';
    return [`${verb} role ${name} login password ${escapeLiteral(verifiers[role])}`];
  });
  statements.push(...roleSettingStatements(names), `grant ${escapeIdentifier(names.projector)} to current_user`);
  try {
    await withRetries(async () => {
      await client.query(statements.join(';\n'));
    });
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new DatabaseSetupError(await adminSql(client, statements), { cause: error });
  }
};

const INSUFFICIENT_PRIVILEGE = '42501';

const adminSql = async (client: ClientBase, statements: readonly string[]): Promise<string> => {
  const { rows } = await client.query<{ user: string }>('select current_user as user');
  const user = escapeIdentifier(rows[0]?.user ?? 'postgres');
  const asAdmin = statements.map((sql) => `  ${sql.replace(/current_user$/, user)};`);
  return [
    `the user of DATABASE_URL, ${user}, has no right to create or change the roles as which Tenantry logs in.`,
    'As an administrator (superuser), grant it that right:',
    `  alter role ${user} createrole;`,
    'or create the roles for it:',
    ...asAdmin,
    'and start again.',
  ].join('\n');
};

/**
 * All databases of a server share its roles: two migrations at the same time can conflict on the same catalogue row.
 */
const withRetries = async (work: () => Promise<void>): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isConflict =
        error instanceof DatabaseError &&
        (/concurrently updated/.test(error.message) || error.code === '23505' || error.code === '42710');
      if (!isConflict || attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20 * attempt + Math.random() * 50));
    }
  }
};

/**
 * Lets only the owner and these roles connect to the database. It is not part of a migration, because a copy of a
 * database (`create database … template …`) does not have the rights on the original database.
 */
export const secureDatabase = async (client: ClientBase, prefix: string): Promise<void> => {
  const { rows } = await client.query<{ name: string }>('select current_database() as name');
  const database = escapeIdentifier(rows[0]?.name ?? '');
  const roles = Object.values(roleNames(prefix)).map(escapeIdentifier).join(', ');
  await withRetries(async () => {
    await client.query(
      `revoke all on database ${database} from public; grant connect on database ${database} to ${roles}`,
    );
  });
};

/**
 * The verifier that PostgreSQL stores for a password (RFC 5803). It is sent in place of the password, which may be
 * logged.
 */
const scramVerifier = (password: string): string => {
  const iterations = 4096;
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const key = (label: string): Buffer => createHmac('sha256', salted).update(label).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
};
