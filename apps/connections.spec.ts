import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectionsOf } from './connections';

const page = readFileSync(join(__dirname, '../docs/postgresql.md'), 'utf8');

describe('the connections of a process', () => {
  it.each(['all', 'api', 'worker'] as const)('with ROLE=%s are as many as docs/postgresql.md says', (role) => {
    const settings = { role, databasePoolSize: 10, eventstoreUrl: undefined, redisUrl: undefined };
    expect(page).toContain(`| \`${role}\` | ${connectionsOf(settings)} |`);
  });

  it('are fewer with a log or jobs elsewhere', () => {
    const settings = {
      role: 'worker',
      databasePoolSize: 10,
      eventstoreUrl: 'esdb://x',
      redisUrl: 'redis://x',
    } as const;
    expect(connectionsOf({ ...settings, eventstoreUrl: undefined }) - connectionsOf(settings)).toBe(7);
    expect(connectionsOf({ ...settings, redisUrl: undefined }) - connectionsOf(settings)).toBe(5);
  });
});
