import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Migration } from './applied-migrations';

const FILE = /^(\d{4})-[a-z0-9-]+\.sql$/;

/**
 * The migrations of a folder, in order: files named `0001-noun.sql`, numbered from 1 without gaps. Other files are
 * ignored.
 * @param folder absolute path
 * @throws Error a number is missing, or two files have the same one
 */
export const readMigrationFolder = (folder: string): readonly Migration[] => {
  const names = readdirSync(folder)
    .filter((name) => FILE.test(name))
    .sort();
  for (const [at, name] of names.entries()) {
    if (Number(FILE.exec(name)?.[1]) !== at + 1) {
      throw new Error(
        `${folder} holds ${name} where migration number ${at + 1} should be; give each file the next number, without gaps`,
      );
    }
  }
  return names.map((name) => ({ id: name.slice(0, -'.sql'.length), file: join(folder, name) }));
};
