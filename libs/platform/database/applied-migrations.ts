import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Client, DatabaseError } from 'pg';
import { DatabaseSetupError } from './errors';

/** `id` names it for ever (`0003-event-log`), `file` is the absolute path of its SQL. Order is the list's. */
export interface Migration {
  readonly id: string;
  readonly file: string;
}

/** Migrations that make at once what a longer list of earlier migrations made step by step. */
export interface Baseline {
  /** Ids of the earlier migrations, in their order. They share no id with the present ones. */
  readonly replaces: readonly string[];
  /** Id of the last migration of the baseline; it begins with the first of all. */
  readonly last: string;
}

export interface LoadedMigration {
  readonly id: string;
  readonly sql: string;
  /** Recorded with the id, to find files that were changed after they were applied. */
  readonly checksum: string;
}

export interface MigrationState {
  /** Migrations to apply, in order. */
  readonly pending: readonly LoadedMigration[];
  /** Migrations of the baseline whose result is there by the earlier ones: to be recorded, and not to be applied. */
  readonly adopted: readonly LoadedMigration[];
}

/** Reads the SQL of a migration. Line ends of Windows do not change its checksum. */
export const loadMigration = async ({ id, file }: Migration): Promise<LoadedMigration> => {
  const sql = (await readFile(file, 'utf8')).replaceAll('\r\n', '\n');
  return { id, sql, checksum: createHash('sha256').update(sql).digest('hex') };
};

/**
 * Compares the migrations with those that the database has recorded.
 * @throws DatabaseSetupError a file was changed after it was applied, or the database has only some of the migrations that
 * the baseline replaces
 */
export const readMigrationState = async (
  owner: Client,
  migrations: readonly LoadedMigration[],
  baseline?: Baseline,
): Promise<MigrationState> => {
  const applied = await readApplied(owner);
  for (const { id, checksum } of migrations) {
    const before = applied.get(id);
    if (before !== undefined && before !== checksum) {
      throw new DatabaseSetupError(
        `migration ${id} was changed after this database had applied it; restore its file and write the change as a new migration`,
      );
    }
  }
  const missing = migrations.filter(({ id }) => !applied.has(id));
  if (!baseline || !hasReplaced(applied, baseline)) return { pending: missing, adopted: [] };
  const end = migrations.findIndex(({ id }) => id === baseline.last);
  const inBaseline = new Set(migrations.slice(0, end + 1));
  return {
    pending: missing.filter((it) => !inBaseline.has(it)),
    adopted: missing.filter((it) => inBaseline.has(it)),
  };
};

/** Records migrations as applied. */
export const recordApplied = async (
  owner: Client,
  migrations: readonly Pick<LoadedMigration, 'id' | 'checksum'>[],
): Promise<void> => {
  await owner.query('insert into platform.migrations (id, checksum) select * from unnest($1::text[], $2::text[])', [
    migrations.map(({ id }) => id),
    migrations.map(({ checksum }) => checksum),
  ]);
};

const readApplied = async (owner: Client): Promise<Map<string, string>> => {
  try {
    const { rows } = await owner.query<{ id: string; checksum: string }>(
      'select id, checksum from platform.migrations',
    );
    return new Map(rows.map(({ id, checksum }) => [id, checksum]));
  } catch (error) {
    if (!(error instanceof DatabaseError) || (error.code !== '42P01' && error.code !== '3F000')) throw error;
    return new Map();
  }
};

const hasReplaced = (applied: ReadonlyMap<string, string>, { replaces }: Baseline): boolean => {
  const lacking = replaces.filter((id) => !applied.has(id));
  if (lacking.length > 0 && lacking.length < replaces.length) {
    throw new DatabaseSetupError(
      `this database was made by a development version and lacks its migrations ${lacking.join(', ')}; start the last version that has them once, or begin with an empty database`,
    );
  }
  return lacking.length === 0;
};
