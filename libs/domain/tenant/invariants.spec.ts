import fc from 'fast-check';
import { seeds } from '#testing/seeds';
import { memberInvited, PEOPLE, staffed, tenantCreated } from '#testing/tenant-facts';
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

const user = fc.constantFrom(...Object.values(PEOPLE));
/** More often the one who may do it. */
const by = fc.oneof({ weight: 2, arbitrary: fc.constant(PEOPLE.owner) }, { weight: 1, arbitrary: user });
const role = fc.constantFrom(...ROLES);
const link = fc.integer({ min: 0, max: 2 }).map((at) => `link-${at}`);
const team = fc.integer({ min: 0, max: 2 }).map((at) => `team-${at}`);
const name = fc.constantFrom('Sales', 'sales', 'Support', 'Legal');
const hour = fc.integer({ min: 0, max: 9 });
const later = fc.integer({ min: 5, max: 20 });

type Rule = (tenant: Tenant) => TenantEvent[];

/** Anything that anybody may ask for; more often what keeps the tenant going than what ends it. */
const command: fc.Arbitrary<Rule> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({ by, id: link, role, maxUses: fc.integer({ min: 1, max: 3 }), until: later, now: hour })
      .map(({ by, id, until, now, ...more }): Rule => {
        const { invitedBy: _, ...data } = memberInvited({ ...more, invitationId: id, tokenHash: `hash of ${id}` }).data;
        const wanted = { ...data, by, expiresAt: timeOf(until), at: timeOf(now) };
        return (tenant) => inviteMember(wanted, LIMITS, tenant);
      }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ userId: user, id: link, now: hour }).map(({ userId, id, now }): Rule => {
      const wanted = { userId, tokenHash: `hash of ${id}`, emailDomain: 'acme.example', at: timeOf(now) };
      return (tenant) => joinTenant(wanted, LIMITS, tenant);
    }),
  },
  fc.record({ by, invitationId: link }).map(
    (wanted): Rule =>
      (tenant) =>
        revokeInvitation(wanted, tenant),
  ),
  {
    weight: 4,
    arbitrary: fc.record({ by, userId: user, role }).map(
      (wanted): Rule =>
        (tenant) =>
          changeRole({ ...wanted, at: timeOf(0) }, tenant),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({ by, userId: user, reason: fc.constantFrom('removed', 'left', 'erased') }).map(
      (wanted): Rule =>
        (tenant) =>
          removeMember({ ...wanted, at: timeOf(0) }, tenant),
    ),
  },
  fc.record({ by, userId: user }).map(
    (wanted): Rule =>
      (tenant) =>
        transferOwnership({ ...wanted, at: timeOf(0) }, tenant),
  ),
  {
    weight: 3,
    arbitrary: fc.record({ by, teamId: team, name }).map(
      (wanted): Rule =>
        (tenant) =>
          createTeam(wanted, LIMITS, tenant),
    ),
  },
  fc.record({ by, teamId: team, name }).map(
    (wanted): Rule =>
      (tenant) =>
        renameTeam(wanted, tenant),
  ),
  fc.record({ by, teamId: team }).map(
    (wanted): Rule =>
      (tenant) =>
        deleteTeam(wanted, tenant),
  ),
  {
    weight: 4,
    arbitrary: fc.record({ by, teamId: team, userId: user }).map(
      (wanted): Rule =>
        (tenant) =>
          addTeamMember(wanted, tenant),
    ),
  },
  fc.record({ by, teamId: team, userId: user }).map(
    (wanted): Rule =>
      (tenant) =>
        removeTeamMember(wanted, tenant),
  ),
  fc.record({ by, name }).map(
    (wanted): Rule =>
      (tenant) =>
        renameTenant(wanted, tenant),
  ),
  fc.record({ by: user, confirmName: fc.constantFrom('Sales', 'wrong') }).map(
    (wanted): Rule =>
      (tenant) =>
        closeTenant({ ...wanted, eraseAfter: timeOf(99) }, tenant),
  ),
);

/** What a rule decides; nothing where it says no. */
const asked = (rule: Rule, tenant: Tenant): TenantEvent[] => {
  try {
    return rule(tenant);
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
};

/** Each state that a tenant goes through, with what had happened until then. */
const states = function* (
  founding: readonly TenantEvent[],
  rules: readonly Rule[],
): Generator<readonly [Tenant, readonly TenantEvent[]]> {
  const happened: TenantEvent[] = [];
  let tenant: Tenant = tenantFold.initial;
  for (const rule of [() => [...founding], ...rules])
    for (const event of asked(rule, tenant)) {
      happened.push(event);
      tenant = tenantFold.evolve(tenant, event, happened.length);
      yield [tenant, happened];
    }
};

const founded = fc.constantFrom([tenantCreated], staffed);

const always = (holds: (tenant: Tenant & { status: 'open' }, happened: readonly TenantEvent[]) => void): void =>
  fc.assert(
    fc.property(founded, fc.array(command, { minLength: 20, maxLength: 80 }), (founding, rules) => {
      for (const [tenant, happened] of states(founding, rules)) if (tenant.status === 'open') holds(tenant, happened);
    }),
    { numRuns: seeds(300) },
  );

describe('any command of any user on an open tenant', () => {
  it('it has an owner, and knows how many', () =>
    always(({ members, owners }) => {
      const counted = [...entries(members)].filter(([, member]) => member.role === 'owner').length;
      expect(owners).toBe(counted);
      expect(owners).toBeGreaterThan(0);
    }));

  it('a link is used no more often than it says, each use once, and by nobody whom it was not for', () =>
    always(({ invitations }, happened) => {
      const links = new Map<string, { maxUses: number; role: string; uses: number }>();
      for (const { type, data } of happened) {
        if (type === 'MemberInvited') links.set(data.invitationId, { ...data, uses: 0 });
        const used = type === 'MemberJoined' ? links.get(data.invitationId) : undefined;
        if (type !== 'MemberJoined' || !used) continue;
        used.uses += 1;
        expect([data.use, data.role]).toEqual([used.uses, used.role]);
        expect(used.uses).toBeLessThanOrEqual(used.maxUses);
      }
      for (const [id, invitation] of entries(invitations)) {
        expect(invitation.uses).toBe(links.get(id)?.uses);
        expect(invitation.uses).toBeLessThan(invitation.maxUses);
      }
    }));

  it('the member who made an open link could still make it', () =>
    always(({ members, invitations }, happened) => {
      // Those who lose the right lose the links just before, in the same append.
      if (happened.at(-1)?.type === 'InvitationRevoked') return;
      for (const [, { invitedBy, role }] of entries(invitations))
        expect(role === 'admin' ? ['owner'] : ['owner', 'admin']).toContain(get(members, invitedBy)?.role);
    }));

  it('every member of a team belongs to the tenant', () =>
    always(({ members, teams }, happened) => {
      // Those who leave are taken out of their teams just before, in the same append.
      if (happened.at(-1)?.type === 'TeamMemberRemoved') return;
      for (const [, team] of entries(teams))
        for (const [userId] of entries(team.members)) expect(get(members, userId)).toBeDefined();
    }));

  it('no limit of its plan is passed', () =>
    always(({ members, teams }) => {
      expect(members.size).toBeLessThanOrEqual(LIMITS.seats);
      expect(teams.size).toBeLessThanOrEqual(LIMITS.teams);
    }));

  it('its teams have names of their own', () =>
    always(({ teams }) => {
      const names = [...entries(teams)].map(([, { name }]) => name.toLowerCase());
      expect(new Set(names).size).toBe(names.length);
    }));

  it('no version of a part of it is of the future, and none goes back', () => {
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
