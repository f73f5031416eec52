import type { Client } from 'pg';
import { commentLines, type Grant, grantsOf, type Item, listItems, type Section } from './sections';

interface SchemaRow {
  name: string;
  identifier: string;
  comment: string | null;
  authorization: string;
}

interface TypeRow {
  identifier: string;
  comment: string | null;
  fields: readonly Item[];
}

const SCHEMAS = `
  select n.nspname as name, quote_ident(n.nspname) as identifier, obj_description(n.oid, 'pg_namespace') as comment,
    case when n.nspowner = current_user::regrole then '' else ' authorization ' || quote_ident(n.nspowner::regrole::name) end as authorization
  from pg_namespace n
  where n.nspname !~ '^(pg_|information_schema$|public$)' order by n.nspname`;

const SCHEMA_GRANTS = `
  select quote_ident(n.nspname) as object, case when a.grantee = 0 then 'public' else quote_ident(a.grantee::regrole::name) end as grantee,
    string_agg(lower(a.privilege_type), ', ' order by a.privilege_type) as privileges
  from pg_namespace n, aclexplode(n.nspacl) a
  where n.nspname = $1 and a.grantee <> n.nspowner group by n.nspname, a.grantee order by 2`;

const DEFAULT_GRANTS = `
  select format('alter default privileges for role %I in schema %I grant %s on %s to %s;', d.defaclrole::regrole::name, n.nspname,
    string_agg(distinct lower(a.privilege_type), ', '),
    case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' else 'types' end,
    quote_ident(a.grantee::regrole::name)) as line
  from pg_default_acl d join pg_namespace n on n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
  where n.nspname = $1 group by d.defaclrole, n.nspname, d.defaclobjtype, a.grantee order by 1`;

const TYPES = `
  select obj_description(t.oid, 'pg_type') as comment, format('%I.%I', n.nspname, t.typname) as identifier,
    (select json_agg(json_build_object(
        'line', format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)),
        'comment', col_description(a.attrelid, a.attnum)) order by a.attnum)
      from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) as fields
  from pg_type t join pg_namespace n on n.oid = t.typnamespace join pg_class c on c.oid = t.typrelid
  where n.nspname = $1 and c.relkind = 'c' order by t.typname`;

const SEQUENCES = `
  select obj_description(c.oid, 'pg_class') as comment, format('create sequence %I.%I as %s start with %s increment by %s cache %s;',
    n.nspname, c.relname, format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqcache) as line, c.oid
  from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and not exists (
    select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i'))
  order by c.relname`;

const SEQUENCE_GRANTS = `
  select c.oid, c.oid::regclass::text as object, quote_ident(a.grantee::regrole::name) as grantee,
    string_agg(lower(a.privilege_type), ', ' order by a.privilege_type) as privileges
  from pg_class c, aclexplode(c.relacl) a
  where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind = 'S' and a.grantee <> c.relowner
  group by c.oid, a.grantee order by 2, 3`;

/** The schemas of the database, ordered by name, without those of PostgreSQL itself and `public`. */
export const listSchemas = async (owner: Client): Promise<readonly SchemaRow[]> =>
  (await owner.query<SchemaRow>(SCHEMAS)).rows;

/** The sections of the schema itself: its rights, its types and its sequences. */
export const describeSchema = async (owner: Client, schema: SchemaRow): Promise<Section[]> => {
  const read = async <R extends object>(sql: string): Promise<R[]> => (await owner.query<R>(sql, [schema.name])).rows;
  const grants = await read<Grant>(SCHEMA_GRANTS);
  const defaults = await read<{ line: string }>(DEFAULT_GRANTS);
  const types = await read<TypeRow>(TYPES);
  const sequences = await read<{ oid: number; comment: string | null; line: string }>(SEQUENCES);
  const sequenceGrants = await read<Grant & { oid: number }>(SEQUENCE_GRANTS);
  return [
    [
      ...commentLines(schema.comment),
      `create schema ${schema.identifier}${schema.authorization};`,
      ...grantsOf(grants, 'schema '),
      ...defaults.map(({ line }) => line),
    ],
    ...types.map(({ identifier, comment, fields }) => [
      ...commentLines(comment),
      `create type ${identifier} as (`,
      ...listItems(fields),
      ');',
    ]),
    ...sequences.map(({ oid, comment, line }) => [
      ...commentLines(comment),
      line,
      ...grantsOf(
        sequenceGrants.filter((it) => it.oid === oid),
        'sequence ',
      ),
    ]),
  ];
};
