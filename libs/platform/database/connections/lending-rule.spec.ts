import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../../../..');

/** Here pools are made and lent; the tests' databases and the embedded server are beside the product. */
const ALLOWED = ['libs/platform/database/', 'libs/platform/embedded-postgres/', 'libs/testing/', 'apps/stripe-sim/'];

const sources = ['apps', 'libs', 'projections'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => `${folder}/${name}`),
);

describe('the lending of connections', () => {
  it('is the only way to a query: outside of it nobody calls a pool, or makes a client', () => {
    expect(sources.length).toBeGreaterThan(100);
    const found = sources
      .filter((path) => !ALLOWED.some((folder) => path.startsWith(folder)))
      .flatMap((path) => {
        const text = readFileSync(join(root, path), 'utf8');
        return [...text.matchAll(/\b\w*[pP]ool(\(\))?\s*\.(query|connect)\s*[(<]|\bnew (Pool|Client)\(/g)].map(
          ([use]) => `${path}: ${use}`,
        );
      });
    // BullMQ itself queries its pool; connections of every pool are watched from when they are taken to when they return.
    expect(found).toEqual([]);
  });
});
