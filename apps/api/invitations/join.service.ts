import { joinTenant } from '#domain/tenant/decide-invitations';
import { emailDomainOf, emailKey } from '#identity/email';
import { type JoinEvents, type JoinRequest, joinAsNew } from '#identity/sagas/join';
import { FIRST_PASSWORD, type SessionProof } from '#identity/sessions/sessions';
import { findCredentials, findUser, type User } from '#identity/users';
import { uuidv7 } from '#platform/ids/uuid';
import { backoff, sleep } from '#platform/loops/backoff';
import { createKeyedQueue } from '#platform/loops/keyed-queue';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import type { ClientInfo } from '../http/requests/client';
import { contextOfUser } from '../http/requests/command-context';
import type { RequestContext } from '../http/requests/request-context';
import { invalid } from '../http/validation/validation';
import { accessOfNewSession } from '../identity/sign-in/session-opener';
import { sessionTenantOf } from '../identity/sign-in/tenants';
import type { AcceptDto, AcceptedDto } from './invitation.dto';
import { findInvitation } from './invitation-previews';
import type { JoinDeps } from './join-deps';
import {
  invitationUnusable,
  joinInProgress,
  publicError,
  refuseSecondIdentity,
  wrongCredentials,
} from './join-refusals';

/**
 * Checks for an account that another request is creating, over 2 to 4 s. Its creation takes a fraction of this time,
 * unless the process of the other request has ended.
 */
const ACCOUNT_CHECKS = 10;

type JoiningUser = Pick<User, 'id' | 'name' | 'email' | 'createdAt'>;

/** How users join a tenant by an invitation: a signed-in user, the owner of an account, or a new user. */
export const createJoinService = (
  {
    pool,
    db,
    passwords,
    joins,
    markOf,
    checkPassword,
    opener,
    stateOf: tenantStateOf,
    liveTenant,
    limitGuard,
    accessRecords,
    pendingMemberships,
  }: JoinDeps,
  events: JoinEvents,
) => {
  const joinQueue = createKeyedQueue();

  /** From here on, the plan of the invitation's tenant may refuse the request. */
  const findInvitationToJoin = async (token: string, context: RequestContext) => {
    const invitation = await findInvitation(db, token);
    context.joining = invitation.tenantId;
    return invitation;
  };

  /** Opens a session in a tenant for a user who is now a member of it. @throws Problem not-found, unauthenticated */
  const signInMember = async (
    { id, name, email, createdAt }: JoiningUser,
    tenantId: string,
    context: RequestContext,
    client: ClientInfo,
    proof: SessionProof,
  ): Promise<AcceptedDto> => {
    const live = await liveTenant(tenantId, id);
    if (!live) throw invitationUnusable();
    context.positionTenant = tenantId;
    const tokens = await opener.open(
      { userId: id, tenant: sessionTenantOf(live), method: 'invitation', proof },
      client,
      context,
    );
    return { user: { id, name, email, createdAt: createdAt.toISOString() }, tenant: live.tenant, ...tokens };
  };

  /** Makes an existing user a member, and opens a session. @throws Refusal the invitation cannot be used */
  const joinAsUser = async (
    user: JoiningUser,
    { tenantId, tokenHash }: { tenantId: string; tokenHash: string },
    context: RequestContext,
    client: ClientInfo,
    proof: SessionProof,
  ): Promise<AcceptedDto> => {
    // Without an access token, the user joins by the session that is opened below.
    const accessId = context.accessId ?? (await accessRecords.find(accessOfNewSession(client, context), user.id));
    const command = contextOfUser(user.id, accessId, context);
    const membership = {
      ...{ tenantId, tokenHash, userId: user.id, at: new Date() },
      emailDomain: emailDomainOf(user.email),
    };
    context.position = await pendingMemberships.during(user.id, tenantId, () => events.joinTenant(membership, command));
    return signInMember(user, tenantId, context, client, proof);
  };

  const userOf = async (userId: string): Promise<User> => {
    const user = await findUser(db.user(userId));
    if (!user) throw new Problem('unauthenticated');
    return user;
  };

  /**
   * Waits for an account that another request is creating. False if there is none after {@link ACCOUNT_CHECKS} checks.
   */
  const waitForAccount = async (email: string): Promise<boolean> => {
    for (let check = 1; check <= ACCOUNT_CHECKS; check++) {
      await sleep(backoff(check, { firstMs: 50, maxMs: 500 }));
      if (await findCredentials(pool, email)) return true;
    }
    return false;
  };

  /**
   * Refuses to create an account for an address that is taken: by an account with another password, or by another join
   * or sign-up in progress. What would refuse a new user is checked first, so that a link that cannot be used does not
   * reveal which addresses have an account. A link that can be used reveals it, at the cost of one use for each
   * address.
   * @param hadAccount the address had an account before this request
   * @throws Refusal the invitation cannot be used
   * @throws Problem unauthenticated (an account with another password), conflict (in progress)
   */
  const refuseTakenAddress = async (
    { tenantId, tokenHash, email }: JoinRequest,
    hadAccount: boolean,
  ): Promise<never> => {
    const newUser = { userId: uuidv7(), tokenHash, emailDomain: emailDomainOf(email), at: new Date().toISOString() };
    const tenant = await tenantStateOf(tenantId);
    joinTenant(newUser, limitGuard.limitsOf(tenant), tenant);
    throw hadAccount ? wrongCredentials() : joinInProgress();
  };

  const acceptSignedOut = async (
    { token, personName, email, password }: AcceptDto,
    context: RequestContext,
    client: ClientInfo,
  ): Promise<AcceptedDto> => {
    const missing = Object.entries({ email, password }).filter(([, value]) => value === undefined);
    if (email === undefined || password === undefined)
      throw invalid(missing.map(([name]) => ({ pointer: `/${name}`, message: 'is required without an access token' })));
    const invitation = await findInvitationToJoin(token, context);
    const attempt = { account: emailKey(email), client, password };
    let hadAccount = false;
    const checkCredentials = () =>
      checkPassword(attempt, async () => {
        const found = await findCredentials(pool, email, markOf(client.network));
        hadAccount = found !== undefined;
        return found;
      });
    const credentials = await checkCredentials();
    if (credentials) return joinAsUser(await userOf(credentials.userId), invitation, context, client, credentials);
    if (personName === undefined) throw wrongCredentials();
    const { tenantId, tokenHash } = invitation;
    const request = {
      ...{ tenantId, tokenHash, personName, email, password },
      commandId: context.commandId,
      correlationId: context.requestId,
      access: accessOfNewSession(client, context),
    };
    const joined = await joinAsNew(request, { passwords, store: joins, events });
    if (!joined) {
      // Another process may run the same request. The user that it creates is admitted here, too, without another use.
      const created = !hadAccount && (await waitForAccount(email)) ? await checkCredentials() : undefined;
      if (!created) return refuseTakenAddress(request, hadAccount);
      return joinAsUser(await userOf(created.userId), invitation, context, client, created);
    }
    const { userId, createdAt, position } = joined;
    context.position = position;
    return signInMember({ id: userId, name: personName, email, createdAt }, tenantId, context, client, FIRST_PASSWORD);
  };

  return {
    /**
     * Makes a user a member of a tenant by a token, and opens a session: the signed-in user, the owner of an account
     * whose password is right, or a new user. A user who is already a member uses no place of the invitation.
     * @throws Problem not-found, unauthenticated, validation-failed, rate-limited, conflict (also for a limit or the lock
     * of the tenant, which is the cause of the problem)
     * @throws Refusal forbidden
     */
    accept: async (body: AcceptDto, context: RequestContext, client: ClientInfo): Promise<AcceptedDto> => {
      try {
        const { principal } = context;
        // Concurrent repeats without an idempotency key run in sequence: the second finds the account of the first.
        const queueKey = `${body.token} ${emailKey(body.email ?? '')}`;
        if (!principal) return await joinQueue(queueKey, () => acceptSignedOut(body, context, client));
        refuseSecondIdentity(body);
        const user = await userOf(principal.userId);
        return await joinAsUser(user, await findInvitationToJoin(body.token, context), context, client, principal);
      } catch (error) {
        throw publicError(error);
      }
    },
  };
};

export abstract class JoinService extends tokenClass<ReturnType<typeof createJoinService>>() {}
