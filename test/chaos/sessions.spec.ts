import { setTimeout as sleep } from 'node:timers/promises';
import { ADVISORY_LOCKS, REBUILD_LOCKS } from '#platform/database/locks/advisory-locks';
import { rounds } from '#testing/seeds';
import { send } from '../e2e/http';
import { endAll, until } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';
import { tallyOf, underLoad } from './client';
import { appendTasks } from './history';
import { type Processes, startProcesses } from './processes';
import { readModelComplaints, rebuilt } from './read-models';
import { signedUp } from './working';

const ROUNDS = rounds(4, 10);
const TASKS = 20_000;

jest.setTimeout(900_000 + ROUNDS * 20_000);

const lockOf = (lock: string): string =>
  `a.pid in (select pid from pg_locks where locktype = 'advisory' and granted and ${lock})`;
const applicationIs = (name: string): string => `a.application_name = 'tenantry-${name}'`;

/** The sessions that an administrator, a pooler or a firewall may end, by their task: SQL conditions. */
const SESSIONS = {
  'the lock of a rebuild': lockOf(`classid = ${REBUILD_LOCKS}`),
  'the lock of an erasure': lockOf(`objid = ${ADVISORY_LOCKS.erasingTenants}`),
  'the lock of an append': lockOf(`objid = ${ADVISORY_LOCKS.appending}`),
  projections: applicationIs('projector'),
  'the log': `a.application_name like 'tenantry-append%' or a.application_name like 'tenantry-read%'`,
  notifications: `a.query ilike 'listen%' or ${applicationIs('wake')}`,
  jobs: applicationIs('jobs'),
  requests: `${applicationIs('api')} or ${applicationIs('snapshots')}`,
  'a reaction': `a.query ilike '%reacting.%'`,
} as const;
type Kind = keyof typeof SESSIONS;
const KINDS = Object.keys(SESSIONS) as Kind[];

/** Sessions with locks, leases and notifications are ended under load, by an administrator or because they are idle. */
describe(`database sessions that are ended, ${ROUNDS} times`, () => {
  let system: System;
  let processes: Processes;
  const ended = new Map<Kind, number>();

  beforeAll(async () => {
    system = await openSystem();
    processes = await startProcesses(system, { env: { TENANT_RETENTION_DAYS: '0' } });
    const { tenantId } = await signedUp(processes.url);
    await appendTasks(system.databaseUrl, tenantId, TASKS);
  });

  afterAll(async () => {
    await endAll();
    await system.close();
  });

  /** Ends the sessions of a kind as soon as there is one; it waits for one for about two seconds. */
  const terminate = async (kind: Kind): Promise<void> => {
    for (let tries = 0; tries < 100; tries++) {
      const { rowCount } = await system.server.query(
        `select pg_terminate_backend(a.pid) from pg_stat_activity a
         where a.datname = $1 and a.application_name like 'tenantry-%' and (${SESSIONS[kind]})`,
        [system.database],
      );
      if (rowCount) {
        ended.set(kind, (ended.get(kind) ?? 0) + rowCount);
        return;
      }
      await sleep(20);
    }
  };

  /**
   * Lets the server end sessions that are idle for this time, and ends all sessions so that new ones have the setting.
   */
  const setIdleTimeout = async (timeout: string): Promise<void> => {
    const { rows } = await system.owner.query<{ role: string }>(
      `select rolname as role from pg_roles where rolname like 'tenantry\\_test\\_%'`,
    );
    for (const { role } of rows)
      await system.owner.query(
        `alter role ${role} in database ${system.database} set idle_session_timeout = '${timeout}'`,
      );
    await system.terminateBackends();
  };

  it('lose no acknowledged write and no rebuild, and every read model equals the log', async () => {
    const rebuilds: Promise<void>[] = [];
    const closed: string[] = [];
    let outcomes: PromiseSettledResult<void>[] = [];
    const api = await underLoad({ clients: 12, atOnce: 4, url: processes.url }, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const rebuild = rebuilt(system.owner, 'tasks');
        rebuild.catch(() => undefined);
        rebuilds.push(rebuild);
        closed.push(await closeTenant());
        if (round % 4 === 1) await setIdleTimeout('2s');
        await terminate('the lock of a rebuild');
        await terminate(KINDS[Math.floor(Math.random() * KINDS.length)] ?? 'projections');
        await terminate(KINDS[round % KINDS.length] ?? 'projections');
        if (round % 4 === 3) await setIdleTimeout('0');
      }
      await setIdleTimeout('0');
      outcomes = await Promise.allSettled(rebuilds);
    });
    const complaints = await system.complaints(api.tenants);
    await until(async () => (await findUnerased(closed)).length === 0, 240_000).catch(() =>
      complaints.push('a closed tenant was not erased'),
    );
    complaints.push(...(await readModelComplaints(system.owner)));
    const { commands, acknowledged } = tallyOf(api);
    process.stderr.write(
      `sessions: ${[...ended].map(([kind, n]) => `${n} of ${kind}`).join(', ')} ended, ${commands} commands, ${acknowledged} acknowledged, ${complaints.length} complaints\n`,
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(complaints).toEqual([]);
    expect(ended.get('the lock of a rebuild')).toBeGreaterThan(0);
    expect(api.answers.get(500)).toBeUndefined();
  });

  /**
   * Closes a tenant that is then erased immediately. Any request may fail, because its session may be the ended one.
   */
  const closeTenant = async (): Promise<string> => {
    for (;;) {
      const account = await signedUp(processes.url);
      const answer =
        account &&
        (await send(processes.url, '/v1/tenant', {
          method: 'DELETE',
          token: account.token,
          body: { confirmName: 'Acme' },
        }).catch(() => undefined));
      if (account && answer && answer.status < 300) return account.tenantId;
      if (answer && answer.status < 500)
        throw new Error(`closing a tenant was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
  };

  /** The ids of those tenants that still have events or an open erasure. */
  const findUnerased = async (tenants: readonly string[]): Promise<string[]> => {
    const { rows } = await system.owner.query<{ tenant_id: string }>(
      `select tenant_id from event_log.events where tenant_id = any($1)
       union select tenant_id from erasing.erasures where tenant_id = any($1)`,
      [tenants],
    );
    return rows.map(({ tenant_id }) => tenant_id);
  };
});
