import { deriveRolePasswords, roleNames } from '#platform/database/roles/roles';
import type { Context } from '../bootstrap/context';

/**
 * Lines of PgBouncer's `userlist.txt`: the two roles that reach PostgreSQL over a pooler, with their passwords. They are
 * secrets, and never logged: an operator sends them to a file that only the pooler may read.
 */
export const poolerUsers = ({ databaseUrls, secretKey, settings }: Context): string => {
  const prefix = settings.databaseRolePrefix;
  const passwords = deriveRolePasswords(databaseUrls.owner, secretKey, prefix);
  const names = roleNames(prefix);
  return (['app', 'log'] as const).map((role) => `"${names[role]}" "${passwords[role]}"`).join('\n');
};
