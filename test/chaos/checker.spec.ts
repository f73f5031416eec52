import { randomUUID } from 'node:crypto';
import { checkHistory } from './checker';
import type { Outcome, Tenant } from './client';
import { FIRST, ok, openWrittenHistory, SECOND, TASK, THIRD, type WrittenHistory } from './written-history';

/** The other tests of this folder depend on it: it must complain about every error. */
describe('the history checker', () => {
  let history: WrittenHistory;
  beforeAll(async () => {
    history = await openWrittenHistory();
  });
  beforeEach(() => history.clear());
  afterAll(() => history.close());

  it('has no complaint if the log explains every answer, and every request without an answer', async () => {
    const { correctTenant, owner } = history;
    expect(await checkHistory(owner, [await correctTenant(), await correctTenant()])).toEqual({
      complaints: [],
      lost: [],
    });
  });

  const errors: [string, (tenant: Tenant) => Promise<unknown>, RegExp][] = [
    [
      'a rename that was acknowledged and is lost',
      async (it) => it.renames.push({ name: THIRD, outcome: ok }),
      /lost "Third name", which was acknowledged/,
    ],
    [
      'an event that is in the log twice',
      async (it) => {
        await history.rename(it, 4, SECOND);
        await history.showName(it, 4, SECOND);
      },
      /doubled "Second name"/,
    ],
    [
      'an event of a request that was refused',
      async (it) => {
        it.renames.push({ name: THIRD, outcome: { kind: 'refused', status: 409 } });
        await history.rename(it, 4, THIRD);
        await history.showName(it, 4, THIRD);
      },
      /was refused "Third name" and has it/,
    ],
    [
      'a refusal that nothing explains',
      async (it) => it.renames.push({ name: THIRD, outcome: { kind: 'refused', status: 403 } }),
      /was refused "Third name" with 403, for no reason/,
    ],
    [
      'an event that no client requested',
      async (it) => {
        await history.rename(it, 4, THIRD);
        await history.showName(it, 4, THIRD);
      },
      /has an event that no client requested: Third name/,
    ],
    [
      'events in another order than the requests',
      async (it) => {
        it.renames.reverse();
      },
      /has "Second name" out of order at 3/,
    ],
    [
      'a missing version in a stream',
      async ({ tenantId }) =>
        history.owner.query('delete from event_log.events where aggregate_id = $1 and version = 2', [tenantId]),
      /has a hole before version 3/,
    ],
    [
      'a read model that is stale',
      async (it) => history.showName(it, 2, FIRST),
      /is at "Second name" \(3\) in the log and at "First name" \(2\) in the read model/,
    ],
    [
      'a read model without the tenant',
      async ({ tenantId }) => history.owner.query('delete from read_model.tenants where tenant_id = $1', [tenantId]),
      /at "undefined" \(undefined\) in the read model/,
    ],
    [
      'a sign-up without its user in the log',
      async () => history.owner.query(`delete from event_log.events where type = 'UserRegistered'`),
      /the sign-up of .* is incomplete/,
    ],
    [
      'a project that was acknowledged and is lost',
      async () => history.owner.query(`delete from event_log.events where type = 'ProjectCreated'`),
      /lost "The project", which was acknowledged/,
    ],
    [
      'a task that no client requested',
      async (it) => history.create(it, 'task', 'Another task'),
      /has an event that no client requested: Another task/,
    ],
    [
      'a task that is in the log twice',
      async (it) => {
        await history.create(it, 'task', TASK);
        await history.create(it, 'task', TASK);
      },
      /doubled "The task"/,
    ],
    [
      'a project that its read model lacks',
      async () => history.owner.query('delete from read_model.projects'),
      /has "The project" in the log and not in the read model/,
    ],
    [
      'a sign-up that stayed pending',
      async () => history.owner.query(`update identity.users set state = 'pending'`),
      /the sign-up of .* is incomplete/,
    ],
    [
      'a tenant without its owner',
      async ({ email }) => history.owner.query('delete from identity.users where email = $1', [email]),
      /was signed up and is missing\n1 tenants have no owner/,
    ],
    [
      'a sign-up that was acknowledged and is lost',
      async ({ tenantId }) => history.owner.query('delete from event_log.events where aggregate_id = $1', [tenantId]),
      /was signed up and is not in the log/,
    ],
  ];

  it.each(errors)('complains about %s', async (_, introduceError, complaint) => {
    const { correctTenant, owner } = history;
    const [, tenant] = [await correctTenant(), await correctTenant()];
    await introduceError(tenant);
    expect((await checkHistory(owner, [tenant])).complaints.join('\n')).toMatch(complaint);
  });

  it('lists writes that a failover lost, and complains about those that were acknowledged outside of its window', async () => {
    const { correctTenant, owner } = history;
    const tenant = await correctTenant();
    const later: Outcome = { kind: 'ok', version: 0, span: { sentAt: 61, answeredAt: 62 } };
    tenant.renames.push({ name: THIRD, outcome: ok });
    tenant.creations.push({ kind: 'task', name: 'Another task', id: randomUUID(), outcome: later });
    const { complaints, lost } = await checkHistory(owner, [tenant], [{ from: 40, to: 60 }]);
    expect(lost).toEqual([`${tenant.tenantId} lost "Third name", which was acknowledged`]);
    expect(complaints).toEqual([`${tenant.tenantId} lost "Another task", which was acknowledged`]);
  });

  it('lists a tenant that a failover lost completely, and checks nothing else of it', async () => {
    const { correctTenant, owner } = history;
    const tenant = await correctTenant();
    tenant.renames.push({ name: THIRD, outcome: { kind: 'refused', status: 401 } });
    await owner.query('delete from event_log.events');
    await owner.query('delete from identity.users');
    expect(await checkHistory(owner, [tenant], [{ from: 0, to: 20 }])).toEqual({
      complaints: [],
      lost: [`${tenant.tenantId} was signed up and is not in the log`],
    });
  });
});
