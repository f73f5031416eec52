import type { DomainEvent } from '../../../libs/domain/events';
import { get, none } from '../../../libs/domain/tenant/by-id';
import type { OpenTenant, Tenant } from '../../../libs/domain/tenant/evolve';
import type { Role } from '../../../libs/domain/tenant/roles';
import type { EventLog, Position, RecordedEvent } from '../../../libs/event-log/port';
import { backoff, sleep } from '../../../libs/platform/backoff';

/** What changes who belongs to a company, and as what. */
const MEMBERSHIP_FACTS = [
  'MemberJoined',
  'MemberRoleChanged',
  'MemberRemoved',
  'OwnershipTransferred',
  'TenantClosed',
  'TenantErased',
] as const satisfies readonly DomainEvent['type'][];
/** ms that a company's membership is believed without asking: the bound while the feed is broken. */
const BELIEVED_MS = 1_000;
/** Companies that one process remembers. */
const COMPANIES = 20_000;
const RETRY = { firstMs: 50, maxMs: 1_000 };

type Members = OpenTenant['members'];
const NOBODY: Members = none;

interface Known {
  readonly members: Members;
  /** `performance.now()` from which on it is not believed any more. */
  readonly until: number;
}

interface Loading {
  readonly begunAt: number;
  readonly members: Promise<Members>;
}

export interface AuthorityOptions {
  /** The company's state now, from its own stream. */
  readonly stateOf: (tenantId: string) => Promise<Tenant>;
  readonly log: EventLog;
  /** ms; 1,000 unless given. */
  readonly believedMs?: number;
  /** 20,000 unless given. */
  readonly capacity?: number;
  /** ms on a clock that is never set back. */
  readonly now?: () => number;
}

/**
 * Who may do what by the live membership, whatever a token says. A company's members are remembered for a second, and
 * forgotten at once when the log tells of a change. Only a yes is given from memory: a no is read anew, so that nobody is
 * turned away who has just joined.
 */
export const createAuthority = ({
  stateOf,
  log,
  believedMs = BELIEVED_MS,
  capacity = COMPANIES,
  now = () => performance.now(),
}: AuthorityOptions) => {
  const known = new Map<string, Known>();
  const loading = new Map<string, Loading>();
  const stopping = new AbortController();
  let following: Promise<void> | undefined;

  const remember = (tenantId: string, members: Members, until: number): void => {
    known.delete(tenantId);
    known.set(tenantId, { members, until });
    // In the order in which they were learnt: the first one has been believed for longest.
    for (const oldest of known.keys()) {
      if (known.size <= capacity) break;
      known.delete(oldest);
    }
  };

  const load = (tenantId: string): Loading => {
    const begunAt = now();
    const members = stateOf(tenantId)
      .then((tenant) => {
        const read = tenant.status === 'open' ? tenant.members : NOBODY;
        // Where a change was told of meanwhile, what was read may be from before it.
        if (loading.get(tenantId) === started) remember(tenantId, read, begunAt + believedMs);
        return read;
      })
      .finally(() => {
        if (loading.get(tenantId) === started) loading.delete(tenantId);
      });
    const started: Loading = { begunAt, members };
    loading.set(tenantId, started);
    return started;
  };

  /** One look for all who want to know at the same time, begun at that moment or later. */
  const lookSince = (tenantId: string, moment: number): Loading => {
    const running = loading.get(tenantId);
    return running && running.begunAt >= moment ? running : load(tenantId);
  };

  const forget = ({ stream, type, data }: RecordedEvent): void => {
    const tenantId = type === 'TenantErased' ? String(data['tenantId']) : stream.tenantId;
    if (tenantId === null) return;
    known.delete(tenantId);
    loading.delete(tenantId);
  };

  const follow = async (): Promise<void> => {
    const { signal } = stopping;
    let after: Position | undefined;
    for (let failed = 0; !signal.aborted; ) {
      try {
        after ??= await log.head();
        for await (const page of log.subscribe({ after, types: MEMBERSHIP_FACTS, signal })) {
          page.events.forEach(forget);
          after = page.position;
          failed = 0;
        }
      } catch {
        await sleep(backoff(++failed, RETRY), signal);
      }
    }
  };

  return {
    /** What somebody is in a company, from memory; undefined where that has to be asked for. */
    remembered: (tenantId: string, personId: string): Role | undefined => {
      const company = known.get(tenantId);
      return company !== undefined && company.until > now() ? get(company.members, personId)?.role : undefined;
    },

    /**
     * What somebody is in a company; undefined where they do not belong to it, or it is closed.
     * @param isEnough what makes a yes: any other answer comes from a look that began after the question
     * @throws what the log throws while it is away
     */
    roleOf: async (
      tenantId: string,
      personId: string,
      isEnough: (role: Role) => boolean = () => true,
    ): Promise<Role | undefined> => {
      const asked = now();
      const first = lookSince(tenantId, asked - believedMs);
      const role = get(await first.members, personId)?.role;
      if ((role !== undefined && isEnough(role)) || first.begunAt >= asked) return role;
      return get(await lookSince(tenantId, asked).members, personId)?.role;
    },

    /** Begins to hear of changes, wherever they are made. */
    watch: (): void => {
      following ??= follow();
    },

    close: async (): Promise<void> => {
      stopping.abort();
      await following;
    },
  };
};

export type Authority = ReturnType<typeof createAuthority>;
