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

  const open = (
    capacity?: number,
    outage: { graceMs: number; logTimeoutMs?: number } = { graceMs: 0 },
  ): MembershipCache => {
    const stateOf = createTenantStates(new AggregateStore({ log }));
    return createMembershipCache({
      log,
      now: () => clock,
      ...outage,
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

  it('throws the error of the log and does not refuse the user while the log is not available', async () => {
    jest.spyOn(log, 'readStream').mockRejectedValueOnce(new LogUnavailable('unavailable'));
    await expect(memberships.find(tenantId, bob)).rejects.toBeInstanceOf(LogUnavailable);
    expect((await memberships.find(tenantId, bob))?.role).toBe('member');
  });

  it('drops the oldest tenant when the capacity is exceeded', async () => {
    memberships = open(1);
    await memberships.find(tenantId, bob);
    await memberships.find(uuidv7(), bob);
    expect(cachedRole()).toBeUndefined();
  });

  describe('while the log is not available', () => {
    const READ = true;
    const WRITE = false;
    const anyRole = (): boolean => true;
    const makeLogUnavailable = () => jest.spyOn(log, 'readStream').mockRejectedValue(new LogUnavailable('unavailable'));
    const roleFor = async (isRead: boolean) => (await memberships.find(tenantId, bob, anyRole, isRead))?.role;

    beforeEach(async () => {
      memberships = open(undefined, { graceMs: 10_000 });
      await memberships.find(tenantId, bob);
    });

    it('admits reads of a cached member until the end of the grace, which using it does not extend', async () => {
      makeLogUnavailable();
      for (clock = 1_000; clock < 11_000; clock += 500) expect(await roleFor(READ)).toBe('member');
      clock = 11_000;
      await expect(roleFor(READ)).rejects.toBeInstanceOf(LogUnavailable);
    });

    it('admits no writes after the usual second', async () => {
      makeLogUnavailable();
      clock = 1_000;
      await expect(roleFor(WRITE)).rejects.toBeInstanceOf(LogUnavailable);
    });

    it('admits no reads of users who are not in the cache, or whose role is not enough', async () => {
      makeLogUnavailable();
      clock = 1_000;
      await expect(memberships.find(tenantId, uuidv7(), anyRole, READ)).rejects.toBeInstanceOf(LogUnavailable);
      await expect(memberships.find(uuidv7(), bob, anyRole, READ)).rejects.toBeInstanceOf(LogUnavailable);
      const admin = ({ role }: CachedMembership): boolean => role === 'admin';
      await expect(memberships.find(tenantId, bob, admin, READ)).rejects.toBeInstanceOf(LogUnavailable);
    });

    it('admits no reads of a member whose removal it has received', async () => {
      memberships.watch();
      await happen(removed);
      await until(() => cachedRole() === undefined, 30_000);
      makeLogUnavailable();
      await expect(roleFor(READ)).rejects.toBeInstanceOf(LogUnavailable);
    });

    it('counts a log that does not answer in time as unavailable', async () => {
      memberships = open(undefined, { graceMs: 10_000, logTimeoutMs: 20 });
      await memberships.find(tenantId, bob);
      clock = 1_000;
      jest.spyOn(log, 'readStream').mockReturnValue(new Promise(() => undefined));
      expect(await roleFor(READ)).toBe('member');
    });

    it('reads from the log again as soon as it answers', async () => {
      const outage = makeLogUnavailable();
      clock = 1_000;
      expect(await roleFor(READ)).toBe('member');
      await happen(removed);
      outage.mockRestore();
      clock = 2_500;
      // The first read that succeeds may be one that no request waits for.
      await until(async () => (await roleFor(READ).catch(() => 'unavailable')) === undefined, 30_000);
    });

    it('admits no reads if the grace is 0', async () => {
      memberships = open();
      await memberships.find(tenantId, bob);
      makeLogUnavailable();
      clock = 1_000;
      await expect(roleFor(READ)).rejects.toBeInstanceOf(LogUnavailable);
    });
  });
});
