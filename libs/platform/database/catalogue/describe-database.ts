import type { Client } from 'pg';
import { DATABASE_ROLES, roleNames } from '../roles/roles';
import { describeFunctions } from './functions';
import { describeSchema, listSchemas } from './schemas';
import { describeTables } from './tables';

const HEADER = `-- The whole database after all migrations, with every read model. \`npm run schema\` writes this file from the catalogue
-- of PostgreSQL. It is for reading, not for running. {{app}}, {{log}}, {{projector}}, {{operator}} and {{jobs}} are the
-- roles of the installation (libs/platform/database/roles/role-names.ts), {{owner}} is the user of DATABASE_URL.`;

/**
 * The whole database as SQL text, schema by schema: rights, types, sequences, tables and functions. The text depends
 * only on the definitions: objects are ordered by name, and roles are written as placeholders (`{{app}}`).
 * @param owner a connection of the user that ran the migrations
 * @param foreignSchemas schemas of libraries. Only the schemas themselves are described, not their tables and
 * functions.
 */
export const describeDatabase = async (
  owner: Client,
  rolePrefix: string,
  foreignSchemas: readonly string[],
): Promise<string> => {
  // With an empty search path, PostgreSQL writes every name of a function, table or type with its schema.
  await owner.query(`set search_path = ''`);
  const chapters: string[] = [HEADER];
  for (const schema of await listSchemas(owner)) {
    const sections = await describeSchema(owner, schema);
    if (!foreignSchemas.includes(schema.name)) {
      sections.push(...(await describeTables(owner, schema.name)), ...(await describeFunctions(owner, schema.name)));
    }
    chapters.push([`-- ==== ${schema.name} ====`, ...sections.map((lines) => lines.join('\n'))].join('\n\n'));
  }
  await owner.query('reset search_path');
  return withPlaceholders(`${chapters.join('\n\n\n')}\n`, rolePrefix);
};

/**
 * The bodies of functions contain the names of roles in quotation marks, because the migrations write them that way.
 */
const withPlaceholders = (text: string, rolePrefix: string): string => {
  const names = roleNames(rolePrefix);
  return DATABASE_ROLES.reduce(
    (it, role) => it.replaceAll(`"${names[role]}"`, `{{${role}}}`).replaceAll(names[role], `{{${role}}}`),
    text,
  );
};
