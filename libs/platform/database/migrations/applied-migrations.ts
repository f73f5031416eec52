import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Client, DatabaseError } from 'pg';
import { DatabaseSetupError } from '../errors';

/** Migrations are applied in the order of their list. */
export interface Migration {
  /** Never changes, for example `0003-event-log`. */
  readonly id: string;
  /** The absolute path of the SQL file. */
  readonly file: string;
}

export interface LoadedMigration {
  readonly id: string;
  readonly sql: string;
  /** SHA-256 in hexadecimal. It is recorded with the id, to detect files that were changed after they were applied. */
  readonly checksum: string;
}

/** Reads the SQL of a migration. Windows line ends are converted first, so they do not change the checksum. */
export const loadMigration = async ({ id, file }: Migration): Promise<LoadedMigration> => {
  const sql = (await readFile(file, 'utf8')).replaceAll('\r\n', '\n');
  return { id, sql, checksum: createHash('sha256').update(sql).digest('hex') };
};

/**
 * Compares the migrations with those that the database has recorded.
 * @param retired ids of migrations of development versions, whose databases cannot be used
 * @returns the migrations that are not applied yet, in order
 * @throws DatabaseSetupError a file was changed after it was applied, or the database has a retired migration
 */
export const pendingMigrations = async (
  owner: Client,
  migrations: readonly LoadedMigration[],
  retired: readonly string[] = [],
): Promise<LoadedMigration[]> => {
  const applied = await readApplied(owner);
  const early = retired.find((id) => applied.has(id));
  if (early !== undefined) {
    throw new DatabaseSetupError(
      `this database was created by a development version (it has the migration ${early}). Its tables and events have other names; use an empty database`,
    );
  }
  for (const { id, checksum } of migrations) {
    const before = applied.get(id);
    if (before !== undefined && before !== checksum) {
      throw new DatabaseSetupError(
        `migration ${id} was changed after it was applied to this database; restore its file and write the change as a new migration`,
      );
    }
  }
  return migrations.filter(({ id }) => !applied.has(id));
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
