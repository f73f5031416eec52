import type { Client } from 'pg';
import { DATABASE_ROLES, roleNames } from '../roles/roles';
import { describeFunctions } from './functions';
import { describeSchema, listSchemas } from './schemas';
import { describeTables } from './tables';

const HEADER = `-- The whole database as it is after all migrations and with every read model. Written by \`npm run schema\` from the
-- catalogue of PostgreSQL, to be read and not to be run. {{app}}, {{log}}, {{projector}}, {{operator}} and {{jobs}} are the
-- roles of the installation (libs/platform/database/roles/roles.ts), {{owner}} is the user of DATABASE_URL.`;

/**
 * The whole database as SQL text: one part a schema, each with its rights, types, sequences, tables and functions. The text
 * depends on nothing but the definitions: objects are ordered by name, and roles are written as placeholders (`{{app}}`).
 * @param owner a connection of the user that ran the migrations
 * @param foreignSchemas schemas of libraries, which are named and not described
 */
export const describeDatabase = async (
  owner: Client,
  rolePrefix: string,
  foreignSchemas: readonly string[],
): Promise<string> => {
  // Names of functions, tables and types are always written with their schema.
  await owner.query(`set search_path = ''`);
  const parts: string[] = [HEADER];
  for (const schema of await listSchemas(owner)) {
    const sections = await describeSchema(owner, schema);
    if (!foreignSchemas.includes(schema.name)) {
      sections.push(...(await describeTables(owner, schema.name)), ...(await describeFunctions(owner, schema.name)));
    }
    parts.push([`-- ==== ${schema.name} ====`, ...sections.map((lines) => lines.join('\n'))].join('\n\n'));
  }
  await owner.query('reset search_path');
  return withPlaceholders(`${parts.join('\n\n\n')}\n`, rolePrefix);
};

/** Function bodies hold the names of roles in quotation marks, because the migrations write them so. */
const withPlaceholders = (text: string, rolePrefix: string): string => {
  const names = roleNames(rolePrefix);
  return DATABASE_ROLES.reduce(
    (it, role) => it.replaceAll(`"${names[role]}"`, `{{${role}}}`).replaceAll(names[role], `{{${role}}}`),
    text,
  );
};
