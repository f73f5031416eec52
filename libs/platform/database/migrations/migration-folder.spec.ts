import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMigrationFolder } from './migration-folder';

describe('the migrations of a folder', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenantry-migrations-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) await writeFile(join(folder, name), 'select 1');
  };

  it('are its numbered SQL files in the order of their numbers', async () => {
    await put('0002-second.sql', '0001-first.sql', 'readme.md', 'schema.sql');
    expect(readMigrationFolder(folder)).toEqual([
      { id: '0001-first', file: join(folder, '0001-first.sql') },
      { id: '0002-second', file: join(folder, '0002-second.sql') },
    ]);
  });

  it.each([
    ['a number is missing', ['0001-first.sql', '0003-third.sql'], /0003-third\.sql where migration number 2 should be/],
    ['two files have the same number', ['0001-a.sql', '0001-b.sql'], /0001-b\.sql where migration number 2 should be/],
  ])('are refused where %s', async (_, names, message) => {
    await put(...names);
    expect(() => readMigrationFolder(folder)).toThrow(message);
  });
});
