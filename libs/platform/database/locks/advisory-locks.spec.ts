import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADVISORY_LOCKS, REBUILD_LOCKS } from './advisory-locks';

const root = join(__dirname, '../../../..');
const sources = ['apps', 'libs', 'projections'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|sql)$/.test(name) && !/\.spec\.ts$/.test(name))
    .map((name) => join(folder, name))
    .filter((name) => name !== 'libs/platform/database/locks/advisory-locks.ts'),
);
const text = new Map(sources.map((name) => [name, readFileSync(join(root, name), 'utf8')]));
const numbersIn = (name: string): number[] => [...(text.get(name) ?? '').matchAll(/\b730\d{3,4}\b/g)].map(Number);

describe('the advisory locks', () => {
  const numbers: number[] = Object.values(ADVISORY_LOCKS);

  it('have different numbers', () => {
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers).not.toContain(REBUILD_LOCKS);
  });

  it('are acquired by their names: no TypeScript file contains a number', () => {
    expect(sources.filter((name) => name.endsWith('.ts') && numbersIn(name).length > 0)).toEqual([]);
    // A lock with a number of another form would not be found above, so each file that acquires one must use the names.
    const users = [...text].filter(([name, it]) => name.endsWith('.ts') && /pg_(try_)?advisory_\w*lock\(/.test(it));
    expect(users.length).toBeGreaterThan(4);
    for (const [name, it] of users) expect([name, /ADVISORY_LOCKS|REBUILD_LOCKS/.test(it)]).toEqual([name, true]);
  });

  it('have the numbers of the list also where SQL acquires them', () => {
    const bySql = sources.filter((name) => name.endsWith('.sql') && /advisory_xact_lock/.test(text.get(name) ?? ''));
    expect(Object.fromEntries(bySql.map((name) => [name, [...new Set(numbersIn(name))]]))).toEqual({
      'apps/migrations/0004-event-log-appends.sql': [ADVISORY_LOCKS.appending],
      'apps/migrations/0005-event-log-history.sql': [ADVISORY_LOCKS.appending],
      'apps/migrations/0018-plans.sql': [ADVISORY_LOCKS.reserving],
      'apps/migrations/0025-identity-facts.sql': [ADVISORY_LOCKS.takingFacts],
    });
  });
});
