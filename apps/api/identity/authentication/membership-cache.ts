import type { DomainEvent } from '#domain/events';
import type { Standing } from '#domain/tenant/billing-account';
import type { OpenTenant, Tenant } from '#domain/tenant/evolve';
import { get, none } from '#domain/tenant/persistent-map';
import type { Role } from '#domain/tenant/roles';
import { followFacts } from '#event-log/follow-facts';
import { type EventLog, LogUnavailable, type RecordedEvent } from '#event-log/port';
import { sleep } from '#platform/loops/backoff';
import { tokenClass } from '#platform/token-class';

/** What changes who belongs to a tenant, as what, and what the tenant may do. */
const AUTHORITY_FACTS = [
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
/** ms that a tenant's membership is believed without asking: the bound while the feed is broken. */
const BELIEVED_MS = 1_000;
/** ms that a read waits for the log before it counts as away. */
const PATIENCE_MS = 1_000;
/** Tenants that one process remembers. */
const TENANTS = 20_000;

type Members = OpenTenant['members'];

/** Calls of the API that a tenant may make in a month, and who says so. */
export interface CallAllowance {
  /** Null: as many as wanted. They are counted all the same. */
  readonly limit: number | null;
  readonly plan: string;
  readonly upgradeTo: string | null;
}

/** What a tenant's state says of everybody in it. */
interface CachedTenant {
  readonly members: Members;
  readonly standing: Standing;
  readonly calls: CallAllowance | null;
}

const NO_TENANT: CachedTenant = { members: none, standing: { kind: 'active' }, calls: null };

/** What somebody is in a tenant, and how the tenant stands. */
export interface CachedMembership extends Omit<CachedTenant, 'members'> {
  readonly role: Role;
}

interface Known {
  readonly tenant: CachedTenant;
  /** `performance.now()` when the look at the log began that it comes from. */
  readonly readAt: number;
}

interface Loading {
  readonly begunAt: number;
  readonly tenant: Promise<CachedTenant>;
}

export interface MembershipCacheOptions {
  /** The tenant's state now, from its own stream. */
  readonly stateOf: (tenantId: string) => Promise<Tenant>;
  readonly log: EventLog;
  /** Null, as by default: calls are not counted. */
  readonly callsOf?: (tenant: OpenTenant) => CallAllowance | null;
  /** Told of each tenant that is erased while it watches. */
  readonly onErased?: (tenantId: string) => void;
  /** ms; 1,000 by default. */
  readonly believedMs?: number;
  /**
   * ms beyond that for which a membership may let reads in while the log is not available, counted from when it was read from the
   * log: using it does not extend it. 0, as by default: not at all.
   */
  readonly graceMs?: number;
  /** ms that a read waits for the log before it counts as away; 1,000 by default. */
  readonly patienceMs?: number;
  /** 20,000 by default. */
  readonly capacity?: number;
  /** ms on a clock that is never set back. */
  readonly now?: () => number;
}

/**
 * Who may do what by the live membership, whatever a token says. A tenant's members are remembered for a second, and
 * forgotten at once when the log tells of a change. Only a yes is given from memory: a no is read again, so that nobody is
 * turned away who has just joined. While the log is not available, reads continue for `graceMs` by what was read from it before; this is
 * the one exception to a change's taking effect within a second.
 */
export const createMembershipCache = ({
  stateOf,
  log,
  callsOf = () => null,
  onErased = () => undefined,
  believedMs = BELIEVED_MS,
  graceMs = 0,
  patienceMs = PATIENCE_MS,
  capacity = TENANTS,
  now = () => performance.now(),
}: MembershipCacheOptions) => {
  const known = new Map<string, Known>();
  const loading = new Map<string, Loading>();
  /** True from when the log did not answer until it does. */
  let away = false;
  let following: ReturnType<typeof followFacts> | undefined;

  const remember = (tenantId: string, tenant: CachedTenant, readAt: number): void => {
    known.delete(tenantId);
    known.set(tenantId, { tenant, readAt });
    // In the order in which they were learnt: the first one has been believed for longest.
    for (const oldest of known.keys()) {
      if (known.size <= capacity) break;
      known.delete(oldest);
    }
  };

  const tenantOf = (tenant: OpenTenant): CachedTenant => ({
    members: tenant.members,
    standing: tenant.account.standing,
    calls: callsOf(tenant),
  });

  const load = (tenantId: string): Loading => {
    const begunAt = now();
    const tenant = stateOf(tenantId)
      .then((tenant) => {
        const read = tenant.status === 'open' ? tenantOf(tenant) : NO_TENANT;
        // Where a change was told of meanwhile, what was read may be from before it.
        if (loading.get(tenantId) === started) remember(tenantId, read, begunAt);
        away = false;
        return read;
      })
      .catch((error: unknown) => {
        if (error instanceof LogUnavailable) away = true;
        throw error;
      })
      .finally(() => {
        if (loading.get(tenantId) === started) loading.delete(tenantId);
      });
    const started: Loading = { begunAt, tenant };
    // A read that does not wait for it any more leaves nobody else to hear of its failure.
    tenant.catch(() => undefined);
    loading.set(tenantId, started);
    return started;
  };

  /** One look for all who want to know at the same time, begun at that moment or later. */
  const lookSince = (tenantId: string, moment: number): Loading => {
    const running = loading.get(tenantId);
    return running && running.begunAt >= moment ? running : load(tenantId);
  };

  const knownFor = (tenantId: string, userId: string, ms: number): CachedMembership | undefined => {
    const entry = known.get(tenantId);
    return entry !== undefined && entry.readAt + ms > now() ? seatIn(entry.tenant, userId) : undefined;
  };

  /** Resolves to whether the log fails or is silent: at once while it is known to be away. */
  const isAway = async ({ tenant }: Loading): Promise<boolean> => {
    if (away) return true;
    const answered = new AbortController();
    const late = sleep(patienceMs, answered.signal).then(() => !answered.signal.aborted);
    const failing = tenant.then(
      () => false,
      (error: unknown) => error instanceof LogUnavailable,
    );
    const result = await Promise.race([failing, late]);
    answered.abort();
    if (result) away = true;
    return result;
  };

  /** What somebody was in a tenant when it was last read, where the log is not available and that is not too long ago. */
  const seatWhileAway = async (
    tenantId: string,
    userId: string,
    isEnough: (seat: CachedMembership) => boolean,
    look: Loading,
  ): Promise<CachedMembership | undefined> => {
    const remembered = (): CachedMembership | undefined => {
      const seat = knownFor(tenantId, userId, believedMs + graceMs);
      return seat !== undefined && isEnough(seat) ? seat : undefined;
    };
    if (graceMs === 0 || remembered() === undefined || !(await isAway(look))) return undefined;
    // Asked again: a change may have been heard of meanwhile.
    return remembered();
  };

  const forget = ({ stream, type, data }: RecordedEvent): void => {
    const tenantId = type === 'TenantErased' ? String(data['tenantId']) : stream.tenantId;
    if (tenantId === null) return;
    if (type === 'TenantErased') onErased(tenantId);
    known.delete(tenantId);
    loading.delete(tenantId);
  };

  return {
    /** What somebody is in a tenant, from memory; undefined where that has to be asked for. */
    remembered: (tenantId: string, userId: string): CachedMembership | undefined =>
      knownFor(tenantId, userId, believedMs),

    /**
     * What somebody is in a tenant; undefined where they do not belong to it, or it is closed.
     * @param isEnough what makes a yes: any other answer comes from a look that began after the question
     * @param isRead the request changes nothing: while the log is not available, a yes may come from memory for the grace
     * @throws what the log throws while it is not available
     */
    seatOf: async (
      tenantId: string,
      userId: string,
      isEnough: (seat: CachedMembership) => boolean = () => true,
      isRead = false,
    ): Promise<CachedMembership | undefined> => {
      const asked = now();
      const first = lookSince(tenantId, asked - believedMs);
      const old = isRead ? await seatWhileAway(tenantId, userId, isEnough, first) : undefined;
      if (old) return old;
      const seat = seatIn(await first.tenant, userId);
      if ((seat !== undefined && isEnough(seat)) || first.begunAt >= asked) return seat;
      return seatIn(await lookSince(tenantId, asked).tenant, userId);
    },

    /** Begins to hear of changes, wherever they are made. */
    watch: (): void => {
      following ??= followFacts(log, AUTHORITY_FACTS, forget);
    },

    close: async (): Promise<void> => {
      await following?.stop();
    },
  };
};

const seatIn = ({ members, standing, calls }: CachedTenant, userId: string): CachedMembership | undefined => {
  const role = get(members, userId)?.role;
  return role && { role, standing, calls };
};

export abstract class MembershipCache extends tokenClass<ReturnType<typeof createMembershipCache>>() {}
