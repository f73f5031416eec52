import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');

/** The folders that own each schema. Only their SQL names its tables; other folders call functions of the owner. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  access: ['libs/access'],
  billing: ['libs/billing'],
  erasing: ['libs/erasing'],
  event_log: ['libs/event-log'],
  idempotency: ['libs/platform/idempotency'],
  identity: ['libs/identity'],
  lease: ['libs/platform/lease', 'libs/platform/jobs'],
  plans: ['libs/plans'],
  platform: ['libs/platform/database'],
  projecting: ['libs/projecting'],
  reacting: ['libs/reacting'],
};

/** Libraries and read models that form one module: each may name the tables of the other. */
const JOINED: Readonly<Record<string, string>> = {
  'libs/billing': 'projections/billing',
  'libs/plans': 'projections/plan-limits',
};

const filesIn = (folder: string, ending: RegExp): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name) && !name.endsWith('.spec.ts'))
    .map((name) => join(folder, name));

const textOf = (name: string): string => readFileSync(join(ROOT, name), 'utf8');

const schemaOf = (name: string): string => name.slice(0, name.indexOf('.'));

const migrations = filesIn('apps/migrations', /\.sql$/).sort();
const tablesOf = (sql: string): string[] =>
  [...sql.matchAll(/\bcreate table ([a-z_]+(?:\.[a-z_]+)?)/g)].map(([, it]) => it ?? '');

/** Each table of the database with the folders that own it. */
const owners = new Map<string, readonly string[]>([
  ...migrations
    .flatMap((name) => tablesOf(textOf(name)))
    .map((table) => {
      const folders = OWNERS[schemaOf(table)] ?? [];
      return [table, [...folders, ...folders.flatMap((folder) => JOINED[folder] ?? [])]] as const;
    }),
  ...filesIn('projections', /schema\.sql$/).flatMap((name) => {
    const folder = name.slice(0, name.lastIndexOf('/'));
    const libraries = Object.keys(JOINED).filter((library) => JOINED[library] === folder);
    return tablesOf(textOf(name)).map((table) => [`read_model.${table}`, [folder, ...libraries]] as const);
  }),
]);

const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|(^|\s)(?:\/\/|--)[^\n]*/g, '$1');

const tablesNamedIn = (text: string): string[] =>
  [...owners.keys()].filter((table) => new RegExp(`\\b${table.replace('.', '\\.')}\\b(?!\\()`).test(text));

const foreignUses = (): string[] =>
  [...filesIn('apps', /\.ts$/), ...filesIn('libs', /\.ts$/), ...filesIn('projections', /\.ts$/)]
    .filter((name) => !name.startsWith('libs/testing/'))
    .flatMap((name) =>
      tablesNamedIn(withoutComments(textOf(name)))
        .filter((table) => !owners.get(table)?.some((folder) => name.startsWith(`${folder}/`)))
        .map((table) => `${name} names ${table}`),
    );

/** The present definition of each SQL function: the one in the last migration that defines it. */
const functions = new Map(
  migrations.flatMap((name) =>
    [...textOf(name).matchAll(/create (?:or replace )?function ([a-z_.]+)\([\s\S]*?\$\$;/g)].map(
      ([text, called = '']) => [called, withoutComments(text)] as const,
    ),
  ),
);

const foreignUsesInSql = (): string[] =>
  [...functions].flatMap(([name, text]) =>
    tablesNamedIn(text)
      .filter((table) => !owners.get(table)?.some((folder) => OWNERS[schemaOf(name)]?.includes(folder)))
      .map((table) => `${name} names ${table}`),
  );

describe('a table', () => {
  it('is owned by at least one folder', () => {
    expect(owners.size).toBeGreaterThan(40);
    expect([...owners].filter(([, folders]) => folders.length === 0)).toEqual([]);
  });

  it('is named only by the files of the folders that own it', () => {
    expect(foreignUses()).toEqual([]);
  });

  it('is named only by the SQL functions of the schema that owns it', () => {
    expect(functions.size).toBeGreaterThan(60);
    expect(foreignUsesInSql()).toEqual([]);
  });

  it('is recognised in a query, but not in a comment or in the name of a function', () => {
    expect(tablesNamedIn('select 1 from identity.users p')).toEqual(['identity.users']);
    expect(tablesNamedIn(withoutComments('-- from identity.users'))).toEqual([]);
    expect(tablesNamedIn('select * from billing.claim($1, $2, $3, $4)')).toEqual([]);
  });
});
