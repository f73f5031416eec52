import type { TenantEvent } from '#domain/tenant/events';
import { tenantFold } from '#domain/tenant/evolve';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { LogUnavailable, type Page } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { until } from '#test/e2e/start/product';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { createTenantStates } from '../../../bootstrap/sagas/tenant-states';
import { type CachedMembership, createMembershipCache, type MembershipCache } from './membership-cache';

describe('authority', () => {
  const tenantId = uuidv7();
  const [owner, bob] = [uuidv7(), uuidv7()];
  let log: InMemoryEventLog;
  let authority: MembershipCache;
  let clock: number;
  let looks: number;

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
  const bobs = () => authority.remembered(tenantId, bob)?.role;

  /** How far the subscriber has come that begins next. */
  const listening = (): (() => bigint) => {
    const subscribe = log.subscribe.bind(log);
    let heard = 0n;
    jest.spyOn(log, 'subscribe').mockImplementation(async function* (options) {
      for await (const page of subscribe(options)) {
        yield page;
        heard = page.position;
      }
    });
    return () => heard;
  };

  const open = (
    capacity?: number,
    grace: { graceMs: number; patienceMs?: number } = { graceMs: 0 },
  ): MembershipCache => {
    const stateOf = createTenantStates(new AggregateStore({ log }));
    return createMembershipCache({
      log,
      now: () => clock,
      ...grace,
      ...(capacity !== undefined && { capacity }),
      stateOf: (id) => {
        looks += 1;
        return stateOf(id);
      },
    });
  };

  beforeEach(async () => {
    clock = 0;
    looks = 0;
    log = new InMemoryEventLog();
    await happen({ type: 'TenantCreated', data: { name: 'Acme', slug: 'acme', ownerId: owner, plan: 'free' } }, joined);
    authority = open();
  });
  afterEach(async () => {
    await authority.close();
    await log.close();
  });

  it('is what the tenant’s own stream says', async () => {
    expect((await authority.seatOf(tenantId, owner))?.role).toBe('owner');
    expect((await authority.seatOf(tenantId, bob))?.role).toBe('member');
    expect(await authority.seatOf(tenantId, uuidv7())).toBeUndefined();
    expect(await authority.seatOf(uuidv7(), owner)).toBeUndefined();
  });

  it('is asked for once a second, for all members together', async () => {
    expect(bobs()).toBeUndefined();
    await authority.seatOf(tenantId, owner);
    expect(bobs()).toBe('member');
    clock = 999;
    expect(bobs()).toBe('member');
    clock = 1_000;
    expect(bobs()).toBeUndefined();
  });

  it('is gone after a second where nobody tells of the removal', async () => {
    await authority.seatOf(tenantId, bob);
    await happen(removed);
    expect(bobs()).toBe('member');
    clock = 1_000;
    expect(await authority.seatOf(tenantId, bob)).toBeUndefined();
  });

  it.each<[string, TenantEvent]>([
    ['somebody joins', { ...joined, data: { ...joined.data, userId: uuidv7() } } as TenantEvent],
    ['a role changes', promoted],
    ['a member is removed', removed],
    ['the ownership is transferred', { type: 'OwnershipTransferred', data: { from: owner, to: bob } }],
    ['the tenant is closed', { type: 'TenantClosed', data: { eraseAfter: '2027-01-01T00:00:00.000Z' } }],
  ])('is asked for again as soon as %s', async (_, event) => {
    authority.watch();
    await authority.seatOf(tenantId, bob);
    await happen(event);
    await until(() => bobs() === undefined, 10_000);
  });

  it('is nobody’s in a closed tenant', async () => {
    await happen({ type: 'TenantClosed', data: { eraseAfter: '2027-01-01T00:00:00.000Z' } });
    expect(await authority.seatOf(tenantId, owner)).toBeUndefined();
  });

  it('is asked for once by many at the same time', async () => {
    await Promise.all(Array.from({ length: 50 }, () => authority.seatOf(tenantId, bob)));
    expect(looks).toBe(1);
  });

  it('says no only by a look that began after the question', async () => {
    const admin = ({ role }: CachedMembership): boolean => role === 'admin';
    const [first, second] = [authority.seatOf(tenantId, bob, admin), happen(promoted)];
    clock = 1;
    const asked = authority.seatOf(tenantId, bob, admin);
    await Promise.all([first, second]);
    expect((await asked)?.role).toBe('admin');
  });

  it('does not remember what it read while it was told of a change', async () => {
    const heard = listening();
    authority.watch();
    let release = (): void => {};
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    const read = log.readStream.bind(log);
    jest.spyOn(log, 'readStream').mockImplementationOnce(async (...asked) => {
      const events = await read(...asked);
      await blocked;
      return events;
    });
    const asked = authority.seatOf(tenantId, bob);
    await happen(removed);
    await until(() => heard() === log.store.position, 10_000);
    release();
    await asked;
    expect(bobs()).toBeUndefined();
    expect(await authority.seatOf(tenantId, bob)).toBeUndefined();
  });

  it('continues to hear of changes when the log was away', async () => {
    const head = jest.spyOn(log, 'head').mockRejectedValueOnce(new LogUnavailable('away'));
    authority.watch();
    await until(() => head.mock.calls.length > 1 && log.store.listeners.size > 0, 10_000);
    await authority.seatOf(tenantId, bob);
    await happen(removed);
    await until(() => bobs() === undefined, 10_000);
  });

  it('asks a log that was closed before it now and then, and not at every turn', async () => {
    let asked = 0;
    const ended = async function* (): AsyncGenerator<Page> {
      asked += 1;
      yield* [];
      // Lets the process breathe where the test would fail otherwise.
      if (asked > 1_000) throw new LogUnavailable('asked too often');
    };
    jest.spyOn(log, 'subscribe').mockImplementation(ended);
    authority.watch();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(5);
  });

  it('does not take the log’s absence for a no', async () => {
    jest.spyOn(log, 'readStream').mockRejectedValueOnce(new LogUnavailable('away'));
    await expect(authority.seatOf(tenantId, bob)).rejects.toBeInstanceOf(LogUnavailable);
    expect((await authority.seatOf(tenantId, bob))?.role).toBe('member');
  });

  it('is remembered for so many companies', async () => {
    authority = open(1);
    await authority.seatOf(tenantId, bob);
    await authority.seatOf(uuidv7(), bob);
    expect(bobs()).toBeUndefined();
  });

  describe('while the log is not available', () => {
    const READ = true;
    const WRITE = false;
    const anyRole = (): boolean => true;
    const cutOff = () => jest.spyOn(log, 'readStream').mockRejectedValue(new LogUnavailable('away'));
    const roleFor = async (isRead: boolean) => (await authority.seatOf(tenantId, bob, anyRole, isRead))?.role;

    beforeEach(async () => {
      authority = open(undefined, { graceMs: 10_000 });
      await authority.seatOf(tenantId, bob);
    });

    it('lets a known member read until the grace is over, however often they do', async () => {
      cutOff();
      for (clock = 1_000; clock < 11_000; clock += 500) expect(await roleFor(READ)).toBe('member');
      clock = 11_000;
      await expect(roleFor(READ)).rejects.toBeInstanceOf(LogUnavailable);
    });

    it('lets nobody write after the usual second', async () => {
      cutOff();
      clock = 1_000;
      await expect(roleFor(WRITE)).rejects.toBeInstanceOf(LogUnavailable);
    });

    it('lets nobody read whom it did not know, or for whom the membership was not enough', async () => {
      cutOff();
      clock = 1_000;
      await expect(authority.seatOf(tenantId, uuidv7(), anyRole, READ)).rejects.toBeInstanceOf(LogUnavailable);
      await expect(authority.seatOf(uuidv7(), bob, anyRole, READ)).rejects.toBeInstanceOf(LogUnavailable);
      const admin = ({ role }: CachedMembership): boolean => role === 'admin';
      await expect(authority.seatOf(tenantId, bob, admin, READ)).rejects.toBeInstanceOf(LogUnavailable);
    });

    it('honours a removal that this process has heard of', async () => {
      authority.watch();
      await happen(removed);
      await until(() => bobs() === undefined, 30_000);
      cutOff();
      await expect(roleFor(READ)).rejects.toBeInstanceOf(LogUnavailable);
    });

    it('counts a log that does not answer as away', async () => {
      authority = open(undefined, { graceMs: 10_000, patienceMs: 20 });
      await authority.seatOf(tenantId, bob);
      clock = 1_000;
      jest.spyOn(log, 'readStream').mockReturnValue(new Promise(() => undefined));
      expect(await roleFor(READ)).toBe('member');
    });

    it('asks the log again as soon as it answers', async () => {
      const away = cutOff();
      clock = 1_000;
      expect(await roleFor(READ)).toBe('member');
      await happen(removed);
      away.mockRestore();
      clock = 2_500;
      // The look that finds the log back may be one that the request itself does not wait for.
      await until(async () => (await roleFor(READ).catch(() => 'away')) === undefined, 30_000);
    });

    it('lets nobody read where the grace is 0', async () => {
      authority = open();
      await authority.seatOf(tenantId, bob);
      cutOff();
      clock = 1_000;
      await expect(roleFor(READ)).rejects.toBeInstanceOf(LogUnavailable);
    });
  });
});
