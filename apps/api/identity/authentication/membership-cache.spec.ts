import type { TenantEvent } from '#domain/tenant/events';
import { tenantFold } from '#domain/tenant/evolve';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { LogUnavailable, type Page } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { until } from '#test/e2e/start/product';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { createTenantStates } from '../../../bootstrap/sagas/tenant-states';
import type { CachedMembership } from './cached-membership';
import { createMembershipCache, type MembershipCache } from './membership-cache';

describe('the membership cache', () => {
  const tenantId = uuidv7();
  const [owner, bob] = [uuidv7(), uuidv7()];
  let log: InMemoryEventLog;
  let memberships: MembershipCache;
  let clock: number;
  let stateReads: number;

  const happen = async (...events: TenantEvent[]): Promise<void> => {
    const stream = { tenantId, aggregate: tenantFold.aggregate, id: tenantId };
    const actor = { kind: 'system' } as const;
    await log.append({ stream, actor, events, expected: 'any', commandId: uuidv7(), correlationId: 'test' });
  };
  const joined: TenantEvent = {
    type: 'MemberJoined',
    data: { userId: bob, role: 'member', invitationId: uuidv7(), use: 1 },
  };
  const removed: TenantEvent = { type: 'MemberRemoved', data: { userId: bob, reason: 'removed' } };
  const promoted: TenantEvent = { type: 'MemberRoleChanged', data: { userId: bob, role: 'admin' } };
  const cachedRole = () => memberships.cached(tenantId, bob)?.role;

  /** Returns the position up to which the next subscriber has processed the log. */
  const trackSubscription = (): (() => bigint) => {
    const subscribe = log.subscribe.bind(log);
    let processed = 0n;
    jest.spyOn(log, 'subscribe').mockImplementation(async function* (options) {
      for await (const page of subscribe(options)) {
        yield page;
        processed = page.position;
      }
    });
    return () => processed;
  };

  const open = (capacity?: number): MembershipCache => {
    const stateOf = createTenantStates(new AggregateStore({ log }));
    return createMembershipCache({
      log,
      now: () => clock,
      graceMs: 0,
      ...(capacity !== undefined && { capacity }),
      stateOf: (id) => {
        stateReads += 1;
        return stateOf(id);
      },
    });
  };

  beforeEach(async () => {
    clock = 0;
    stateReads = 0;
    log = new InMemoryEventLog();
    await happen({ type: 'TenantCreated', data: { name: 'Acme', slug: 'acme', ownerId: owner, plan: 'free' } }, joined);
    memberships = open();
  });
  afterEach(async () => {
    await memberships.close();
    await log.close();
  });

  it('drops every entry when the log goes back to an older copy', async () => {
    memberships.watch();
    await memberships.find(tenantId, bob);
    await happen(promoted);
    await until(() => cachedRole() === undefined, 10_000);
    expect((await memberships.find(tenantId, bob))?.role).toBe('admin');
    log.store.goBackTo(2n);
    await until(() => cachedRole() === undefined, 10_000);
  });

  it('reads memberships from the stream of the tenant', async () => {
    expect((await memberships.find(tenantId, owner))?.role).toBe('owner');
    expect((await memberships.find(tenantId, bob))?.role).toBe('member');
    expect(await memberships.find(tenantId, uuidv7())).toBeUndefined();
    expect(await memberships.find(uuidv7(), owner)).toBeUndefined();
  });

  it('uses one read for all members of a tenant for a second', async () => {
    expect(cachedRole()).toBeUndefined();
    await memberships.find(tenantId, owner);
    expect(cachedRole()).toBe('member');
    clock = 999;
    expect(cachedRole()).toBe('member');
    clock = 1_000;
    expect(cachedRole()).toBeUndefined();
  });

  it('notices a removal after a second without a report from the log', async () => {
    await memberships.find(tenantId, bob);
    await happen(removed);
    expect(cachedRole()).toBe('member');
    clock = 1_000;
    expect(await memberships.find(tenantId, bob)).toBeUndefined();
  });

  it.each<[string, TenantEvent]>([
    ['a user joins', { ...joined, data: { ...joined.data, userId: uuidv7() } } as TenantEvent],
    ['a role changes', promoted],
    ['a member is removed', removed],
    ['the ownership is transferred', { type: 'OwnershipTransferred', data: { from: owner, to: bob } }],
    ['the tenant is closed', { type: 'TenantClosed', data: { eraseAfter: '2027-01-01T00:00:00.000Z' } }],
  ])('drops a tenant as soon as %s', async (_, event) => {
    memberships.watch();
    await memberships.find(tenantId, bob);
    await happen(event);
    await until(() => cachedRole() === undefined, 10_000);
  });

  it('has no members in a closed tenant', async () => {
    await happen({ type: 'TenantClosed', data: { eraseAfter: '2027-01-01T00:00:00.000Z' } });
    expect(await memberships.find(tenantId, owner)).toBeUndefined();
  });

  it('shares one read among concurrent requests', async () => {
    await Promise.all(Array.from({ length: 50 }, () => memberships.find(tenantId, bob)));
    expect(stateReads).toBe(1);
  });

  it('refuses only after a read that started after the request', async () => {
    const admin = ({ role }: CachedMembership): boolean => role === 'admin';
    const [first, appended] = [memberships.find(tenantId, bob, admin), happen(promoted)];
    clock = 1;
    const later = memberships.find(tenantId, bob, admin);
    await Promise.all([first, appended]);
    expect((await later)?.role).toBe('admin');
  });

  it('does not cache a read during which the log reported a change', async () => {
    const processed = trackSubscription();
    memberships.watch();
    let release = (): void => {};
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    const read = log.readStream.bind(log);
    jest.spyOn(log, 'readStream').mockImplementationOnce(async (...request) => {
      const events = await read(...request);
      await blocked;
      return events;
    });
    const found = memberships.find(tenantId, bob);
    await happen(removed);
    await until(() => processed() === log.store.position, 10_000);
    release();
    await found;
    expect(cachedRole()).toBeUndefined();
    expect(await memberships.find(tenantId, bob)).toBeUndefined();
  });

  it('subscribes again after the log was not available', async () => {
    const head = jest.spyOn(log, 'head').mockRejectedValueOnce(new LogUnavailable('unavailable'));
    memberships.watch();
    await until(() => head.mock.calls.length > 1 && log.store.listeners.size > 0, 10_000);
    await memberships.find(tenantId, bob);
    await happen(removed);
    await until(() => cachedRole() === undefined, 10_000);
  });

  it('waits between the attempts to subscribe to a log that was closed before', async () => {
    let attempts = 0;
    const ended = async function* (): AsyncGenerator<Page> {
      attempts += 1;
      yield* [];
      // Ends an endless loop, so that a failing test can report it.
      if (attempts > 1_000) throw new LogUnavailable('too many attempts');
    };
    jest.spyOn(log, 'subscribe').mockImplementation(ended);
    memberships.watch();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(attempts).toBeGreaterThan(0);
    expect(attempts).toBeLessThan(5);
  });

  it('drops the oldest tenant when the capacity is exceeded', async () => {
    memberships = open(1);
    await memberships.find(tenantId, bob);
    await memberships.find(uuidv7(), bob);
    expect(cachedRole()).toBeUndefined();
  });
});
