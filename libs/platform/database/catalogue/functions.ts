import type { Client } from 'pg';
import { commentLines, type Section } from './sections';

interface FunctionRow {
  identifier: string;
  definition: string;
  comment: string | null;
  callers: string | null;
}

const FUNCTIONS = `
  select format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as identifier,
    pg_get_functiondef(p.oid) as definition, obj_description(p.oid, 'pg_proc') as comment,
    (select string_agg(case when a.grantee = 0 then 'public' else quote_ident(a.grantee::regrole::name) end, ', '
        order by a.grantee::regrole::text)
      from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee <> p.proowner) as callers
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = $1 order by p.proname, pg_get_function_identity_arguments(p.oid)`;

/** One section for each function of the schema, with the roles that may call it, ordered by name. */
export const describeFunctions = async (owner: Client, schema: string): Promise<Section[]> => {
  const { rows } = await owner.query<FunctionRow>(FUNCTIONS, [schema]);
  return rows.map(({ identifier, definition, comment, callers }) => [
    ...commentLines(comment),
    `${definition.trimEnd()};`,
    callers === null ? '-- Only the owner may call it.' : `grant execute on function ${identifier} to ${callers};`,
  ]);
};
