import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './start/product';

/** Replaces the first occurrence of each text. @throws Error if the file does not contain one */
const replaceInFile = (file: string, ...changes: readonly (readonly [string, string])[]): void => {
  let text = readFileSync(file, 'utf8');
  for (const [before, after] of changes) {
    if (!text.includes(before))
      throw new Error(`${file} does not contain ${JSON.stringify(before)}. Adapt the test to the product.`);
    text = text.replace(before, after);
  }
  writeFileSync(file, text);
};

/**
 * A copy of the compiled product that acts as a later release: its read model `teams` has version 2, an additional
 * column, and `2 ` in front of each name. Call `remove` to delete the copy.
 */
export const makeNextRelease = () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-next-release-'));
  const dist = join(folder, 'dist');
  cpSync(join(root, 'dist'), dist, { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  replaceInFile(
    join(dist, 'projections/teams/projection.js'),
    ['version: 1,', 'version: 2,'],
    ["name: 'text',", "name: 'text',\n            initial: 'text',"],
    ['name: data.name,', 'name: "2 " + data.name,\n                initial: data.name[0],'],
  );
  replaceInFile(join(dist, 'projections/teams/schema.sql'), [
    '  name      text',
    '  initial   text,\n  name      text',
  ]);
  return { dist, remove: () => rmSync(folder, { recursive: true }) };
};
