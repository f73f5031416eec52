import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../../../..');

/**
 * The folders that may query a pool directly: they make and lend pools, or they are not part of the product's server.
 */
const ALLOWED = ['libs/platform/database/', 'libs/platform/embedded-postgres/', 'libs/testing/', 'apps/stripe-sim/'];

const sources = ['apps', 'libs', 'projections'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => `${folder}/${name}`),
);

describe('the product', () => {
  it('queries PostgreSQL only over lent connections: no other file queries a pool directly or makes a client', () => {
    expect(sources.length).toBeGreaterThan(100);
    const found = sources
      .filter((path) => !ALLOWED.some((folder) => path.startsWith(folder)))
      .flatMap((path) => {
        const text = readFileSync(join(root, path), 'utf8');
        return [...text.matchAll(/\b\w*[pP]ool(\(\))?\s*\.(query|connect)\s*[(<]|\bnew (Pool|Client)\(/g)].map(
          ([use]) => `${path}: ${use}`,
        );
      });
    // BullMQ queries its pool directly. Its connections are watched, too: every pool watches lent connections.
    expect(found).toEqual([]);
  });
});
