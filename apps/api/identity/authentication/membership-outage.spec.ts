import type { TenantEvent } from '#domain/tenant/events';
import { tenantFold } from '#domain/tenant/evolve';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { LogUnavailable } from '#event-log/port';
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
  const cachedRole = () => memberships.cached(tenantId, bob)?.role;

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
      stateOf,
    });
  };

  beforeEach(async () => {
    clock = 0;
    log = new InMemoryEventLog();
    await happen({ type: 'TenantCreated', data: { name: 'Acme', slug: 'acme', ownerId: owner, plan: 'free' } }, joined);
    memberships = open();
  });
  afterEach(async () => {
    await memberships.close();
    await log.close();
  });

  it('throws the error of the log and does not refuse the user while the log is not available', async () => {
    jest.spyOn(log, 'readStream').mockRejectedValueOnce(new LogUnavailable('unavailable'));
    await expect(memberships.find(tenantId, bob)).rejects.toBeInstanceOf(LogUnavailable);
    expect((await memberships.find(tenantId, bob))?.role).toBe('member');
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
