import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectionsOf, projectorConnections } from './connections';

const read = (file: string): string => readFileSync(join(__dirname, '../../..', file), 'utf8');
const page = read('docs/postgresql.md');

describe('the connections of a process', () => {
  it.each(['all', 'api', 'worker'] as const)('with ROLE=%s have the number in docs/postgresql.md', (role) => {
    const settings = { role, databasePoolSize: 10, eventstoreUrl: undefined, redisUrl: undefined };
    expect(page).toContain(`| \`${role}\` | ${connectionsOf(settings)} |`);
  });

  it('of the projector have the numbers in docs/postgresql.md', () => {
    const [worker, api] = [projectorConnections({ role: 'worker' }), projectorConnections({ role: 'api' })];
    expect(page).toContain(`(a \`worker\`'s ${worker}, an \`api\`'s ${api})`);
  });

  it('have the numbers in the README', () => {
    const settings = { databasePoolSize: 10, eventstoreUrl: undefined, redisUrl: undefined };
    const [api, worker] = [connectionsOf({ ...settings, role: 'api' }), connectionsOf({ ...settings, role: 'worker' })];
    expect(read('README.md').replace(/\s+/g, ' ')).toMatch(
      new RegExp(`Count ${api} connections for each API .* and ${worker} for each worker`),
    );
  });

  it('are fewer with EVENTSTORE_URL or REDIS_URL', () => {
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
