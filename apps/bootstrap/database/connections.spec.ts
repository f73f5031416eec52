import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectionsOf, projectorConnections } from './connections';

const read = (file: string): string => readFileSync(join(__dirname, '../../..', file), 'utf8');
const page = read('docs/postgresql.md');

describe('the connections of a process', () => {
  it.each(['all', 'api', 'worker'] as const)('with ROLE=%s are as many as docs/postgresql.md says', (role) => {
    const settings = { role, databasePoolSize: 10, eventstoreUrl: undefined, redisUrl: undefined };
    expect(page).toContain(`| \`${role}\` | ${connectionsOf(settings)} |`);
  });

  it('over no pooler are as many for the projector as docs/postgresql.md says', () => {
    const [worker, api] = [projectorConnections({ role: 'worker' }), projectorConnections({ role: 'api' })];
    expect(page).toContain(`(a \`worker\`'s ${worker}, an \`api\`'s ${api})`);
  });

  it('are as many as the README says', () => {
    const settings = { databasePoolSize: 10, eventstoreUrl: undefined, redisUrl: undefined };
    const [api, worker] = [connectionsOf({ ...settings, role: 'api' }), connectionsOf({ ...settings, role: 'worker' })];
    expect(read('README.md').replace(/\s+/g, ' ')).toMatch(
      new RegExp(`Count ${api} connections for each API .* and ${worker} for each worker`),
    );
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
