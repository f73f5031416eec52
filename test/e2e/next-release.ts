import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './start/product';

const replaceOnce = (file: string, ...changes: readonly (readonly [string, string])[]): void => {
  let text = readFileSync(file, 'utf8');
  for (const [before, after] of changes) {
    if (!text.includes(before))
      throw new Error(`${file} has no ${JSON.stringify(before)}; adapt the test to the product`);
    text = text.replace(before, after);
  }
  writeFileSync(file, text);
};

/**
 * A copy of the compiled product as a later release would be: the read model `teams` has version 2, one more column, and
 * names that say so.
 */
export const makeNextRelease = () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-next-release-'));
  const dist = join(folder, 'dist');
  cpSync(join(root, 'dist'), dist, { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  replaceOnce(
    join(dist, 'projections/teams/projection.js'),
    ['version: 1,', 'version: 2,'],
    ["name: 'text',", "name: 'text',\n            initial: 'text',"],
    ['name: data.name,', 'name: "2 " + data.name,\n                initial: data.name[0],'],
  );
  replaceOnce(join(dist, 'projections/teams/schema.sql'), ['  name      text', '  initial   text,\n  name      text']);
  return { dist, remove: () => rmSync(folder, { recursive: true }) };
};
