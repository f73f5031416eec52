import type { DomainEvent } from '#domain/events';
import type { OpenTenant, Tenant } from '#domain/tenant/evolve';
import { followFacts } from '#event-log/follow-facts';
import { type EventLog, LogUnavailable, type RecordedEvent } from '#event-log/port';
import { sleep } from '#platform/loops/backoff';
import { tokenClass } from '#platform/token-class';
import {
  type CachedMembership,
  type CachedTenant,
  type CallAllowance,
  cachedTenantOf,
  membershipIn,
} from './cached-membership';

/** Events that change the members of a tenant, their roles, or what the tenant may do. */
const MEMBERSHIP_FACTS = [
  'MemberJoined',
  'MemberRoleChanged',
  'MemberRemoved',
  'OwnershipTransferred',
  'TenantClosed',
  'TenantErased',
  'PlanChanged',
  'WorkspaceLocked',
  'WorkspaceSuspended',
  'WorkspaceUnlocked',
] as const satisfies readonly DomainEvent['type'][];
/**
 * ms for which an entry is fresh. While the subscription to the log is broken, a change takes effect after this time at
 * the latest.
 */
const FRESH_MS = 1_000;
/** ms that a read request waits for the log before the log counts as unavailable. */
const LOG_TIMEOUT_MS = 1_000;
/** Tenants in the cache of one process. */
const MAX_TENANTS = 20_000;

interface CacheEntry {
  readonly tenant: CachedTenant;
  /** Time on the clock `now` at which the read of the log began. */
  readonly readAt: number;
}

/** A read of the log that is in progress. */
interface PendingRead {
  /** Time on the clock `now`. */
  readonly startedAt: number;
  readonly tenant: Promise<CachedTenant>;
}

export interface MembershipCacheOptions {
  /** Reads the present state of a tenant from its stream. */
  readonly stateOf: (tenantId: string) => Promise<Tenant>;
  readonly log: EventLog;
  /** Null (default): calls are not counted. */
  readonly callsOf?: (tenant: OpenTenant) => CallAllowance | null;
  /** Called for each tenant whose erasure the cache receives from the log. */
  readonly onErased?: (tenantId: string) => void;
  /** ms for which an entry is used without a read of the log; 1,000 by default. */
  readonly freshMs?: number;
  /**
   * ms after `freshMs` for which an entry may still admit read requests while the log is not available. The time counts
   * from the read of the log, and using the entry does not extend it. 0 (default): no request is admitted.
   */
  readonly graceMs?: number;
  /** ms that a read request waits for the log before the log counts as unavailable; 1,000 by default. */
  readonly logTimeoutMs?: number;
  /** Tenants in the cache; 20,000 by default. */
  readonly capacity?: number;
  /** A monotonic clock in ms; `performance.now()` by default. */
  readonly now?: () => number;
}

/**
 * The present memberships of users, which decide what a user may do; the role in the access token does not count. The
 * members of a tenant are cached for {@link MembershipCacheOptions.freshMs}, and dropped at once when the log reports a
 * change. Only an acceptance may come from the cache: before a refusal the tenant is read from the log again, so that a
 * user who has just joined is not refused. While the log is not available, read requests are admitted for `graceMs` by
 * the last known membership; this is the one exception to the rule that a change takes effect within a second.
 */
export const createMembershipCache = ({
  stateOf,
  log,
  callsOf = () => null,
  onErased = () => undefined,
  freshMs = FRESH_MS,
  graceMs = 0,
  logTimeoutMs = LOG_TIMEOUT_MS,
  capacity = MAX_TENANTS,
  now = () => performance.now(),
}: MembershipCacheOptions) => {
  const cache = new Map<string, CacheEntry>();
  const pendingReads = new Map<string, PendingRead>();
  /** True from a read that failed or timed out until a read succeeds. */
  let logIsUnavailable = false;
  let subscription: ReturnType<typeof followFacts> | undefined;

  const put = (tenantId: string, tenant: CachedTenant, readAt: number): void => {
    cache.delete(tenantId);
    cache.set(tenantId, { tenant, readAt });
    // A Map keeps the order of insertion, so the first entry is the oldest.
    for (const oldest of cache.keys()) {
      if (cache.size <= capacity) break;
      cache.delete(oldest);
    }
  };

  const startRead = (tenantId: string): PendingRead => {
    const startedAt = now();
    const tenant = stateOf(tenantId)
      .then((state) => {
        const result = cachedTenantOf(state, callsOf);
        // If the log has reported a change meanwhile, this result may be older than the change.
        if (pendingReads.get(tenantId) === read) put(tenantId, result, startedAt);
        logIsUnavailable = false;
        return result;
      })
      .catch((error: unknown) => {
        if (error instanceof LogUnavailable) logIsUnavailable = true;
        throw error;
      })
      .finally(() => {
        if (pendingReads.get(tenantId) === read) pendingReads.delete(tenantId);
      });
    const read: PendingRead = { startedAt, tenant };
    // A request that is admitted during an outage does not wait for the read: its failure must not be an unhandled
    // rejection.
    tenant.catch(() => undefined);
    pendingReads.set(tenantId, read);
    return read;
  };

  /** A read that started at this time or later. Concurrent requests share one. */
  const readSince = (tenantId: string, time: number): PendingRead => {
    const pending = pendingReads.get(tenantId);
    return pending && pending.startedAt >= time ? pending : startRead(tenantId);
  };

  const findCached = (tenantId: string, userId: string, maxAgeMs: number): CachedMembership | undefined => {
    const entry = cache.get(tenantId);
    return entry !== undefined && entry.readAt + maxAgeMs > now() ? membershipIn(entry.tenant, userId) : undefined;
  };

  /**
   * Resolves to true if the read fails with {@link LogUnavailable} or takes longer than `logTimeoutMs`. Does not wait
   * while the log is known to be unavailable.
   */
  const failsOrTimesOut = async ({ tenant }: PendingRead): Promise<boolean> => {
    if (logIsUnavailable) return true;
    const answered = new AbortController();
    const timedOut = sleep(logTimeoutMs, answered.signal).then(() => !answered.signal.aborted);
    const failed = tenant.then(
      () => false,
      (error: unknown) => error instanceof LogUnavailable,
    );
    const result = await Promise.race([failed, timedOut]);
    answered.abort();
    if (result) logIsUnavailable = true;
    return result;
  };

  /** The last known membership if the log is not available and the grace has not passed; undefined otherwise. */
  const findDuringOutage = async (
    tenantId: string,
    userId: string,
    isEnough: (membership: CachedMembership) => boolean,
    read: PendingRead,
  ): Promise<CachedMembership | undefined> => {
    const findEnough = (): CachedMembership | undefined => {
      const membership = findCached(tenantId, userId, freshMs + graceMs);
      return membership !== undefined && isEnough(membership) ? membership : undefined;
    };
    if (graceMs === 0 || findEnough() === undefined || !(await failsOrTimesOut(read))) return undefined;
    // Looked up again, because the log may have reported a change while this waited.
    return findEnough();
  };

  const drop = ({ stream, type, data }: RecordedEvent): void => {
    const tenantId = type === 'TenantErased' ? String(data['tenantId']) : stream.tenantId;
    if (tenantId === null) return;
    if (type === 'TenantErased') onErased(tenantId);
    cache.delete(tenantId);
    pendingReads.delete(tenantId);
  };

  /** The log went back to an older copy, and the entries may be of a history that it no longer has. */
  const dropAll = (): void => {
    cache.clear();
    pendingReads.clear();
  };

  return {
    /** The membership from the cache; undefined if there is no fresh entry, or the user is not a member by it. */
    cached: (tenantId: string, userId: string): CachedMembership | undefined => findCached(tenantId, userId, freshMs),

    /**
     * The present membership; undefined if the user is not a member, or the tenant is closed.
     * @param isEnough true if the membership allows the request. Otherwise the result is from a read that started after
     * this call.
     * @param isReadRequest the request changes nothing: while the log is not available, it may be admitted by the cache
     * @throws the error of the log while it is not available
     */
    find: async (
      tenantId: string,
      userId: string,
      isEnough: (membership: CachedMembership) => boolean = () => true,
      isReadRequest = false,
    ): Promise<CachedMembership | undefined> => {
      const calledAt = now();
      const read = readSince(tenantId, calledAt - freshMs);
      const lastKnown = isReadRequest ? await findDuringOutage(tenantId, userId, isEnough, read) : undefined;
      if (lastKnown) return lastKnown;
      const membership = membershipIn(await read.tenant, userId);
      if ((membership !== undefined && isEnough(membership)) || read.startedAt >= calledAt) return membership;
      return membershipIn(await readSince(tenantId, calledAt).tenant, userId);
    },

    /** Subscribes to the changes that any process appends to the log. */
    watch: (): void => {
      subscription ??= followFacts(log, MEMBERSHIP_FACTS, drop, dropAll);
    },

    close: async (): Promise<void> => {
      await subscription?.stop();
    },
  };
};

export abstract class MembershipCache extends tokenClass<ReturnType<typeof createMembershipCache>>() {}
