import fc from 'fast-check';
import { seeds } from '#testing/seeds';
import { memberInvited, tenantCreated, tenantWithStaff, USERS } from '#testing/tenant-facts';
import { NO_LIMITS } from '../limits';
import { Refusal } from '../refusal';
import { inviteMember, joinTenant, revokeInvitation } from './decide-invitations';
import { changeRole, removeMember, transferOwnership } from './decide-members';
import { addTeamMember, createTeam, deleteTeam, removeTeamMember, renameTeam } from './decide-teams';
import { closeTenant, renameTenant } from './decide-tenant';
import type { TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';
import { entries, get } from './persistent-map';
import { ROLES } from './roles';

const LIMITS = { ...NO_LIMITS, seats: 4, teams: 2, openInvitations: 3 };
const START = Date.parse('2026-01-01T00:00:00.000Z');
const timeOf = (hour: number): string => new Date(START + hour * 3_600_000).toISOString();

const user = fc.constantFrom(...Object.values(USERS));
/** The owner twice as often as any user, so that most commands are allowed. */
const by = fc.oneof({ weight: 2, arbitrary: fc.constant(USERS.owner) }, { weight: 1, arbitrary: user });
const role = fc.constantFrom(...ROLES);
const invitation = fc.integer({ min: 0, max: 2 }).map((at) => `invitation-${at}`);
const team = fc.integer({ min: 0, max: 2 }).map((at) => `team-${at}`);
const name = fc.constantFrom('Sales', 'sales', 'Support', 'Legal');
const hour = fc.integer({ min: 0, max: 9 });
const later = fc.integer({ min: 5, max: 20 });

type Rule = (tenant: Tenant) => TenantEvent[];

/** Any command of any user. Commands that make the tenant grow are more frequent than commands that end something. */
const command: fc.Arbitrary<Rule> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({ by, id: invitation, role, maxUses: fc.integer({ min: 1, max: 3 }), until: later, now: hour })
      .map(({ by, id, until, now, ...more }): Rule => {
        const { invitedBy: _, ...data } = memberInvited({ ...more, invitationId: id, tokenHash: `hash of ${id}` }).data;
        const input = { ...data, by, expiresAt: timeOf(until), at: timeOf(now) };
        return (tenant) => inviteMember(input, LIMITS, tenant);
      }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ userId: user, id: invitation, now: hour }).map(({ userId, id, now }): Rule => {
      const input = { userId, tokenHash: `hash of ${id}`, emailDomain: 'acme.example', at: timeOf(now) };
      return (tenant) => joinTenant(input, LIMITS, tenant);
    }),
  },
  fc.record({ by, invitationId: invitation }).map(
    (input): Rule =>
      (tenant) =>
        revokeInvitation(input, tenant),
  ),
  {
    weight: 4,
    arbitrary: fc.record({ by, userId: user, role }).map(
      (input): Rule =>
        (tenant) =>
          changeRole({ ...input, at: timeOf(0) }, tenant),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({ by, userId: user, reason: fc.constantFrom('removed', 'left', 'erased') }).map(
      (input): Rule =>
        (tenant) =>
          removeMember({ ...input, at: timeOf(0) }, tenant),
    ),
  },
  fc.record({ by, userId: user }).map(
    (input): Rule =>
      (tenant) =>
        transferOwnership({ ...input, at: timeOf(0) }, tenant),
  ),
  {
    weight: 3,
    arbitrary: fc.record({ by, teamId: team, name }).map(
      (input): Rule =>
        (tenant) =>
          createTeam(input, LIMITS, tenant),
    ),
  },
  fc.record({ by, teamId: team, name }).map(
    (input): Rule =>
      (tenant) =>
        renameTeam(input, tenant),
  ),
  fc.record({ by, teamId: team }).map(
    (input): Rule =>
      (tenant) =>
        deleteTeam(input, tenant),
  ),
  {
    weight: 4,
    arbitrary: fc.record({ by, teamId: team, userId: user }).map(
      (input): Rule =>
        (tenant) =>
          addTeamMember(input, tenant),
    ),
  },
  fc.record({ by, teamId: team, userId: user }).map(
    (input): Rule =>
      (tenant) =>
        removeTeamMember(input, tenant),
  ),
  fc.record({ by, name }).map(
    (input): Rule =>
      (tenant) =>
        renameTenant(input, tenant),
  ),
  fc.record({ by: user, confirmName: fc.constantFrom('Sales', 'wrong') }).map(
    (input): Rule =>
      (tenant) =>
        closeTenant({ ...input, eraseAfter: timeOf(99) }, tenant),
  ),
);

/** The events that a rule decides; none if it refuses. */
const decisionOf = (rule: Rule, tenant: Tenant): TenantEvent[] => {
  try {
    return rule(tenant);
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
};

/** Each state of a tenant after an event, with all events up to that one. */
const states = function* (
  founding: readonly TenantEvent[],
  rules: readonly Rule[],
): Generator<readonly [Tenant, readonly TenantEvent[]]> {
  const happened: TenantEvent[] = [];
  let tenant: Tenant = tenantFold.initial;
  for (const rule of [() => [...founding], ...rules])
    for (const event of decisionOf(rule, tenant)) {
      happened.push(event);
      tenant = tenantFold.evolve(tenant, event, happened.length);
      yield [tenant, happened];
    }
};

const founded = fc.constantFrom([tenantCreated], tenantWithStaff);

const always = (holds: (tenant: Tenant & { status: 'open' }, happened: readonly TenantEvent[]) => void): void =>
  fc.assert(
    fc.property(founded, fc.array(command, { minLength: 20, maxLength: 80 }), (founding, rules) => {
      for (const [tenant, happened] of states(founding, rules)) if (tenant.status === 'open') holds(tenant, happened);
    }),
    { numRuns: seeds(300) },
  );

describe('an open tenant, after any commands of any users', () => {
  it('has an owner, and counts its owners correctly', () =>
    always(({ members, owners }) => {
      const counted = [...entries(members)].filter(([, member]) => member.role === 'owner').length;
      expect(owners).toBe(counted);
      expect(owners).toBeGreaterThan(0);
    }));

  it('has no invitation that was used more often than allowed, with a use counted twice, or for another role', () =>
    always(({ invitations }, happened) => {
      const invited = new Map<string, { maxUses: number; role: string; uses: number }>();
      for (const { type, data } of happened) {
        if (type === 'MemberInvited') invited.set(data.invitationId, { ...data, uses: 0 });
        const used = type === 'MemberJoined' ? invited.get(data.invitationId) : undefined;
        if (type !== 'MemberJoined' || !used) continue;
        used.uses += 1;
        expect([data.use, data.role]).toEqual([used.uses, used.role]);
        expect(used.uses).toBeLessThanOrEqual(used.maxUses);
      }
      for (const [id, open] of entries(invitations)) {
        expect(open.uses).toBe(invited.get(id)?.uses);
        expect(open.uses).toBeLessThan(open.maxUses);
      }
    }));

  it('has no open invitation that its creator could not create now', () =>
    always(({ members, invitations }, happened) => {
      // The invitations of a member who loses the right are revoked by the events before, in the same append.
      if (happened.at(-1)?.type === 'InvitationRevoked') return;
      for (const [, { invitedBy, role }] of entries(invitations))
        expect(role === 'admin' ? ['owner'] : ['owner', 'admin']).toContain(get(members, invitedBy)?.role);
    }));

  it('has only its own members in its teams', () =>
    always(({ members, teams }, happened) => {
      // A member who leaves is removed from the teams by the events before, in the same append.
      if (happened.at(-1)?.type === 'TeamMemberRemoved') return;
      for (const [, team] of entries(teams))
        for (const [userId] of entries(team.members)) expect(get(members, userId)).toBeDefined();
    }));

  it('does not exceed the limits of its plan', () =>
    always(({ members, teams }) => {
      expect(members.size).toBeLessThanOrEqual(LIMITS.seats);
      expect(teams.size).toBeLessThanOrEqual(LIMITS.teams);
    }));

  it('has no two teams with the same name', () =>
    always(({ teams }) => {
      const names = [...entries(teams)].map(([, { name }]) => name.toLowerCase());
      expect(new Set(names).size).toBe(names.length);
    }));

  it('has parts whose versions never exceed the stream’s version and never decrease', () => {
    const last = new Map<string, number>();
    always(({ version, members, teams }, happened) => {
      if (happened.length === 1) last.clear();
      const parts = [
        ['itself', version] as const,
        ...[...entries(members)].map(([id, member]) => [`member ${id}`, member.version] as const),
        ...[...entries(teams)].map(([id, team]) => [`team ${id}`, team.version] as const),
      ];
      for (const [part, at] of parts) {
        expect(at).toBeLessThanOrEqual(happened.length);
        expect(at).toBeGreaterThanOrEqual(last.get(part) ?? 1);
        last.set(part, at);
      }
    });
  });
});
