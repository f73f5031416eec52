import type { DomainEvent } from '../../../libs/domain/events';
import type { Standing } from '../../../libs/domain/tenant/billing';
import { get, none } from '../../../libs/domain/tenant/by-id';
import type { OpenTenant, Tenant } from '../../../libs/domain/tenant/evolve';
import type { Role } from '../../../libs/domain/tenant/roles';
import { followFacts } from '../../../libs/event-log/follow-facts';
import type { EventLog, RecordedEvent } from '../../../libs/event-log/port';

/** What changes who belongs to a company, as what, and what the company may do. */
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
/** ms that a company's membership is believed without asking: the bound while the feed is broken. */
const BELIEVED_MS = 1_000;
/** Companies that one process remembers. */
const COMPANIES = 20_000;

type Members = OpenTenant['members'];

/** Calls of the API that a company may make in a month, and who says so. */
export interface CallAllowance {
  /** Null: as many as wanted. They are counted all the same. */
  readonly limit: number | null;
  readonly plan: string;
  readonly upgradeTo: string | null;
}

/** What a company's state says of everybody in it. */
interface Company {
  readonly members: Members;
  readonly standing: Standing;
  readonly calls: CallAllowance | null;
}

const NO_COMPANY: Company = { members: none, standing: { kind: 'active' }, calls: null };

/** What somebody is in a company, and how the company stands. */
export interface Seat extends Omit<Company, 'members'> {
  readonly role: Role;
}

interface Known {
  readonly company: Company;
  /** `performance.now()` from which on it is not believed any more. */
  readonly until: number;
}

interface Loading {
  readonly begunAt: number;
  readonly company: Promise<Company>;
}

export interface AuthorityOptions {
  /** The company's state now, from its own stream. */
  readonly stateOf: (tenantId: string) => Promise<Tenant>;
  readonly log: EventLog;
  /** Null, as unless given: calls are not counted. */
  readonly callsOf?: (tenant: OpenTenant) => CallAllowance | null;
  /** Told of each tenant that is erased while it watches. */
  readonly onErased?: (tenantId: string) => void;
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
  callsOf = () => null,
  onErased = () => undefined,
  believedMs = BELIEVED_MS,
  capacity = COMPANIES,
  now = () => performance.now(),
}: AuthorityOptions) => {
  const known = new Map<string, Known>();
  const loading = new Map<string, Loading>();
  let following: ReturnType<typeof followFacts> | undefined;

  const remember = (tenantId: string, company: Company, until: number): void => {
    known.delete(tenantId);
    known.set(tenantId, { company, until });
    // In the order in which they were learnt: the first one has been believed for longest.
    for (const oldest of known.keys()) {
      if (known.size <= capacity) break;
      known.delete(oldest);
    }
  };

  const companyOf = (tenant: OpenTenant): Company => ({
    members: tenant.members,
    standing: tenant.account.standing,
    calls: callsOf(tenant),
  });

  const load = (tenantId: string): Loading => {
    const begunAt = now();
    const company = stateOf(tenantId)
      .then((tenant) => {
        const read = tenant.status === 'open' ? companyOf(tenant) : NO_COMPANY;
        // Where a change was told of meanwhile, what was read may be from before it.
        if (loading.get(tenantId) === started) remember(tenantId, read, begunAt + believedMs);
        return read;
      })
      .finally(() => {
        if (loading.get(tenantId) === started) loading.delete(tenantId);
      });
    const started: Loading = { begunAt, company };
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
    if (type === 'TenantErased') onErased(tenantId);
    known.delete(tenantId);
    loading.delete(tenantId);
  };

  return {
    /** What somebody is in a company, from memory; undefined where that has to be asked for. */
    remembered: (tenantId: string, personId: string): Seat | undefined => {
      const entry = known.get(tenantId);
      return entry !== undefined && entry.until > now() ? seatIn(entry.company, personId) : undefined;
    },

    /**
     * What somebody is in a company; undefined where they do not belong to it, or it is closed.
     * @param isEnough what makes a yes: any other answer comes from a look that began after the question
     * @throws what the log throws while it is away
     */
    seatOf: async (
      tenantId: string,
      personId: string,
      isEnough: (seat: Seat) => boolean = () => true,
    ): Promise<Seat | undefined> => {
      const asked = now();
      const first = lookSince(tenantId, asked - believedMs);
      const seat = seatIn(await first.company, personId);
      if ((seat !== undefined && isEnough(seat)) || first.begunAt >= asked) return seat;
      return seatIn(await lookSince(tenantId, asked).company, personId);
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

const seatIn = ({ members, standing, calls }: Company, personId: string): Seat | undefined => {
  const role = get(members, personId)?.role;
  return role && { role, standing, calls };
};

export type Authority = ReturnType<typeof createAuthority>;
