import { deriveRolePasswords, roleNames } from '#platform/database/roles/roles';
import type { Context } from '../bootstrap/context';

/**
 * Lines for PgBouncer's `userlist.txt`: the two roles that log in over a pooler, with their passwords. The passwords
 * are secrets and are never logged: an operator writes the output to a file that only the pooler can read.
 */
export const poolerUsers = ({ databaseUrls, secretKey, settings }: Context): string => {
  const prefix = settings.databaseRolePrefix;
  const passwords = deriveRolePasswords(databaseUrls.owner, secretKey, prefix);
  const names = roleNames(prefix);
  return (['app', 'log'] as const).map((role) => `"${names[role]}" "${passwords[role]}"`).join('\n');
};
