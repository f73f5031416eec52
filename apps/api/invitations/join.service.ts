import type { CommandContext } from '#domain/command';
import { Refusal } from '#domain/refusal';
import { joinTenant } from '#domain/tenant/decide-invitations';
import { memberOf } from '#domain/tenant/evolve';
import { emailKey } from '#identity/email';
import { emailDomainOf, type JoinEvents, type JoinRequest, joinAsNew } from '#identity/sagas/join';
import { hashOfToken } from '#identity/tokens/invitation-tokens';
import { findCredentials, findUser, type User } from '#identity/users';
import { uuidv7 } from '#platform/ids/uuid';
import { backoff, sleep } from '#platform/loops/backoff';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import { findHeldInvitation, type HeldInvitation } from '#projections/invitations/queries';
import { findMember } from '#projections/members/queries';
import type { ClientInfo } from '../http/requests/client';
import type { RequestContext } from '../http/requests/request-context';
import { invalid } from '../http/validation/validation';
import { type AcceptDto, type AcceptedDto, invitationStateOf, type PreviewDto } from './invitation.dto';
import type { JoinDeps } from './join-deps';
import { createKeyedQueue } from './keyed-queue';

/** One answer for a link that was never made, is revoked, spent or expired, or whose tenant is closed. */
const unusable = (): Problem =>
  new Problem('not-found', {
    detail: 'This invitation cannot be used. It may be revoked, used up or expired. Ask for a new one.',
  });

const UNDER_WAY = 'Another request is joining or signing up with this e-mail address. Try again.';

/** What the page of a link shows. */
export interface InvitationPreview extends PreviewDto {
  readonly inviterName: string | undefined;
}

const previewOf = ({ companyName, role, expiresAt, emailDomains }: HeldInvitation): PreviewDto => ({
  ...{ companyName, role, expiresAt: expiresAt.toISOString(), emailDomains, usable: true },
});

/** Within some 3 s: an account is made in a fraction of that, unless its process is gone. */
const SETTLING = 10;

type Who = Pick<User, 'id' | 'name' | 'email' | 'createdAt'>;

/** Joining a tenant by an invitation: what the link shows, and who comes in by it. */
export const createJoinService = (
  { pool, db, passwords, joins, markOf, check, opener, stateOf: tenantStateOf, guard }: JoinDeps,
  events: JoinEvents,
) => {
  const inTurn = createKeyedQueue();

  const held = async (token: string): Promise<HeldInvitation & { readonly tokenHash: string }> => {
    const tokenHash = hashOfToken(token);
    const invitation = await findHeldInvitation(db, tokenHash);
    if (!invitation) throw unusable();
    return { ...invitation, tokenHash };
  };

  const usable = async (token: string): Promise<HeldInvitation> => {
    const invitation = await held(token);
    if (invitationStateOf(invitation) !== 'open') throw unusable();
    return invitation;
  };

  /** The invitation that somebody comes with: what refuses them from here on is its tenant's plan. */
  const heldToJoin = async (token: string, context: RequestContext) => {
    const invitation = await held(token);
    context.joining = invitation.tenantId;
    return invitation;
  };

  /** Lets somebody in who is a member now. */
  const enter = async (
    { id, name, email, createdAt }: Who,
    tenantId: string,
    context: RequestContext,
    client: ClientInfo,
  ): Promise<AcceptedDto> => {
    const state = await tenantStateOf(tenantId);
    const member = memberOf(state, id);
    if (state.status !== 'open' || !member) throw unusable();
    const tenant = { id: tenantId, name: state.name, slug: state.slug, role: member.role };
    context.positionTenant = tenantId;
    const tokens = await opener.open(id, tenant, client, context);
    return { user: { id, name, email, createdAt: createdAt.toISOString() }, tenant, ...tokens };
  };

  const joinAs = async (
    user: Who,
    { tenantId, tokenHash }: { tenantId: string; tokenHash: string },
    context: RequestContext,
    client: ClientInfo,
  ): Promise<AcceptedDto> => {
    const command: CommandContext = {
      commandId: context.commandId,
      actor: { kind: 'user', id: user.id },
      correlationId: context.requestId,
      mayRepeat: context.mayRepeat,
    };
    const membership = {
      ...{ tenantId, tokenHash, userId: user.id, at: new Date() },
      emailDomain: emailDomainOf(user.email),
    };
    context.position = await events.joinTenant(membership, command);
    return enter(user, tenantId, context, client);
  };

  const userOf = async (userId: string): Promise<User> => {
    const user = await findUser(db.user(userId));
    if (!user) throw new Problem('unauthenticated');
    return user;
  };

  /** Waits for an account that is being made of the address elsewhere. False: it is not there in {@link SETTLING} looks. */
  const settled = async (email: string): Promise<boolean> => {
    for (let look = 1; look <= SETTLING; look++) {
      await sleep(backoff(look, { firstMs: 50, maxMs: 500 }));
      if (await findCredentials(pool, email)) return true;
    }
    return false;
  };

  /**
   * The address has an account, and the password is not its own; or one is being made of it elsewhere, and no password is
   * wrong. What somebody new would be refused for comes first: a link that cannot be used does not reveal which addresses
   * have an account, and one that can costs a use each time.
   */
  const refuseTaken = async ({ tenantId, tokenHash, email }: JoinRequest, hadAccount: boolean): Promise<never> => {
    const newcomer = { userId: uuidv7(), tokenHash, emailDomain: emailDomainOf(email), at: new Date().toISOString() };
    const tenant = await tenantStateOf(tenantId);
    joinTenant(newcomer, guard.limitsOf(tenant), tenant);
    throw hadAccount ? notThem() : new Problem('conflict', { detail: UNDER_WAY });
  };

  const acceptAsStranger = async (
    { token, personName, email, password }: AcceptDto,
    context: RequestContext,
    client: ClientInfo,
  ): Promise<AcceptedDto> => {
    const missing = Object.entries({ email, password }).filter(([, value]) => value === undefined);
    if (email === undefined || password === undefined)
      throw invalid(missing.map(([name]) => ({ pointer: `/${name}`, message: 'is required without an access token' })));
    const invitation = await heldToJoin(token, context);
    const attempt = { account: emailKey(email), network: client.network, password };
    let hadAccount = false;
    const recognise = () =>
      check(attempt, async () => {
        const found = await findCredentials(pool, email, markOf(client.network));
        hadAccount = found !== undefined;
        return found;
      });
    const known = await recognise();
    if (known) return joinAs(await userOf(known.userId), invitation, context, client);
    if (personName === undefined) throw notThem();
    const { tenantId, tokenHash } = invitation;
    const request = {
      ...{ tenantId, tokenHash, personName, email, password },
      commandId: context.commandId,
      correlationId: context.requestId,
    };
    const joined = await joinAsNew(request, { passwords, store: joins, events });
    if (!joined) {
      // Sent twice at once to two processes: whom the other lets in is let in here, too, and uses nothing more.
      const same = !hadAccount && (await settled(email)) ? await recognise() : undefined;
      if (!same) return refuseTaken(request, hadAccount);
      return joinAs(await userOf(same.userId), invitation, context, client);
    }
    const { userId, createdAt, position } = joined;
    context.position = position;
    return enter({ id: userId, name: personName, email, createdAt }, tenantId, context, client);
  };

  return {
    /** What a token is valid for. @throws Problem not-found, for whatever reason it cannot be used */
    preview: async (token: string): Promise<PreviewDto> => previewOf(await usable(token)),

    /** The same for people, who want to know who invites them: nobody by name who has left. @throws as `preview` */
    introduce: async (token: string): Promise<InvitationPreview> => {
      const invitation = await usable(token);
      const inviter = await findMember(db.tenant(invitation.tenantId), invitation.invitedBy);
      return { ...previewOf(invitation), inviterName: inviter?.name || undefined };
    },

    /**
     * Lets somebody in by a token: the signed-in user, the owner of an account whose password is right, or somebody
     * new. Anyone who belongs to the tenant already uses nothing of it.
     * @throws Problem not-found, unauthenticated, validation-failed, forbidden, plan-limit-reached, rate-limited
     */
    accept: async (body: AcceptDto, context: RequestContext, client: ClientInfo): Promise<AcceptedDto> => {
      try {
        const { principal } = context;
        // Anyone who sends it twice at once, without a key, finds, the second time, whom the first time let in.
        const turn = `${body.token} ${emailKey(body.email ?? '')}`;
        if (!principal) return await inTurn(turn, () => acceptAsStranger(body, context, client));
        return await joinAs(await userOf(principal.userId), await heldToJoin(body.token, context), context, client);
      } catch (error) {
        if (error instanceof Refusal && error.reason === 'not-found') throw unusable();
        throw error;
      }
    },
  };
};

/** The same for an address that has an account and one that lacks a name to make one with. */
const notThem = (): Problem =>
  new Problem('unauthenticated', { detail: 'The e-mail address or the password is wrong.' });

export abstract class JoinService extends tokenClass<ReturnType<typeof createJoinService>>() {}
