import type { Role } from '#domain/tenant/roles';
import { emailKey } from '#identity/email';
import { type SignUpEvents, type SignUpRequest, signUp } from '#identity/sagas/sign-up';
import { FIRST_PASSWORD } from '#identity/sessions/sessions';
import { slugOf } from '#identity/slug';
import { findCredentials, findUser, type User } from '#identity/users';
import { uuidv5 } from '#platform/ids/uuid';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import type { ClientInfo } from '../../http/requests/client';
import { accessIdField, authenticatedUserOf, causeOf } from '../../http/requests/command-context';
import type { AuthenticatedUser, RequestContext } from '../../http/requests/request-context';
import type {
  CreatedTenantDto,
  MeDto,
  RefreshedDto,
  SignedInDto,
  SignedUpDto,
  SignInDto,
  SignUpDto,
  TenantOfUserDto,
  UserDto,
} from './identity.dto';
import type { IdentityDeps, SignInDeps } from './identity-deps';
import { accessOfNewSession, FOUNDER } from './session-opener';
import { type LiveMembership, listTenants, sessionTenantOf } from './tenants';

const userOf = ({ id, name, email, createdAt }: User): UserDto => ({
  id,
  name,
  email,
  createdAt: createdAt.toISOString(),
});

/** One answer to an unknown address, a wrong password, and an account whose sign-up is not complete. */
const wrongCredentials = (): Problem =>
  new Problem('unauthenticated', { detail: 'The e-mail address or the password is wrong.' });

/** Sign-up, sign-in, refresh and new tenants: combines the functions of `libs/identity` for the routes. */
export const createIdentityService = (
  { pool, db, passwords, sessions, signUps, markOf, pendingMemberships }: IdentityDeps,
  { checkPassword, opener, liveTenant, endedSessions }: SignInDeps,
  events: SignUpEvents,
) => {
  /**
   * The tenant for a sign-in that names none: the tenant of the last session, or else the first of `companies`. Tenants
   * that are closed, or in which the user is no longer a member, are skipped.
   */
  const defaultTenant = async (
    userId: string,
    lastTenantId: string | null,
    companies: readonly TenantOfUserDto[],
  ): Promise<LiveMembership | undefined> => {
    const candidates = new Set([...(lastTenantId === null ? [] : [lastTenantId]), ...companies.map(({ id }) => id)]);
    for (const tenantId of candidates) {
      const live = await liveTenant(tenantId, userId);
      if (live) return live;
    }
    return undefined;
  };

  return {
    /** @throws Problem conflict, if the address is taken */
    signUp: async (
      { companyName, personName, email, password }: SignUpDto,
      context: RequestContext,
      client: ClientInfo,
    ): Promise<SignedUpDto> => {
      const request: SignUpRequest = {
        ...{ companyName, personName, email, password },
        commandId: context.commandId,
        correlationId: context.requestId,
        access: accessOfNewSession(client, context),
      };
      const { userId, tenantId, slug, createdAt, position } = await signUp(request, {
        passwords,
        store: signUps,
        events,
      });
      const tenant = { id: tenantId, name: companyName, slug, role: 'owner' satisfies Role };
      context.position = position;
      context.positionTenant = tenantId;
      const user = userOf({ id: userId, name: personName, email, createdAt });
      return {
        user,
        tenant,
        ...(await opener.open(
          { userId, tenant: { id: tenantId, ...FOUNDER }, method: 'sign-up', proof: FIRST_PASSWORD },
          client,
          context,
        )),
      };
    },

    /** @throws Problem unauthenticated, not-found (no member of the given tenant), rate-limited */
    signIn: async (
      { email, password, tenantId }: SignInDto,
      context: RequestContext,
      client: ClientInfo,
    ): Promise<SignedInDto> => {
      const attempt = { account: emailKey(email), client, password };
      const credentials = await checkPassword(attempt, () => findCredentials(pool, email, markOf(client.network)));
      if (!credentials) throw wrongCredentials();
      const { userId, lastTenantId, passwordVersion } = credentials;
      const userDb = db.user(userId);
      const [user, companies] = await Promise.all([findUser(userDb), listTenants(userDb)]);
      if (!user) throw wrongCredentials();
      const live = tenantId ? await liveTenant(tenantId, userId) : await defaultTenant(userId, lastTenantId, companies);
      if (!live && tenantId)
        throw new Problem('not-found', { detail: 'You are not a member of this tenant, or it does not exist.' });
      // A user without a tenant may sign in, too: they keep access to their account and personal data.
      const tokens = await opener.open(
        { userId, tenant: sessionTenantOf(live), method: 'password', proof: { passwordVersion } },
        client,
        context,
      );
      return { user: userOf(user), ...(live && { tenant: live.tenant }), companies, ...tokens };
    },

    /**
     * Creates a tenant whose owner is the signed-in user. Its id is the id of the command, so that a repeat after a
     * crash finds the tenant that it has already created.
     */
    createTenant: async (
      companyName: string,
      context: RequestContext,
      client: ClientInfo,
    ): Promise<CreatedTenantDto> => {
      const { userId, sessionId } = authenticatedUserOf(context);
      const { commandId: tenantId, requestId: correlationId } = context;
      const tenant = { id: tenantId, name: companyName, slug: slugOf(companyName), role: 'owner' satisfies Role };
      // The session is opened first: this fails for a user who is being erased, and then no tenant is created.
      const tokens = await opener.open(
        { userId, tenant: { id: tenantId, ...FOUNDER }, method: 'new-tenant', proof: { sessionId } },
        client,
        context,
      );
      const tenantToCreate = { tenantId, companyName, slug: tenant.slug, userId };
      const actor = { kind: 'user', id: userId } as const;
      const command = { commandId: uuidv5(tenantId, 'tenant'), actor, correlationId, ...accessIdField(context) };
      context.position = await pendingMemberships.during(userId, tenantId, () =>
        events.createTenant(tenantToCreate, command),
      );
      context.positionTenant = tenantId;
      return { tenant, ...tokens };
    },

    /**
     * Exchanges a refresh token for new tokens.
     * @throws Problem unauthenticated, if the token is not valid or the user is no longer a member of its tenant
     */
    refresh: async (token: string, context: RequestContext): Promise<RefreshedDto> => {
      // The membership is read first, so that no token is used up while the log is not available.
      const owner = await sessions.ownerOf(token);
      const live = owner?.tenantId ? await liveTenant(owner.tenantId, owner.userId) : undefined;
      if (owner?.tenantId && live?.memberSince !== owner.memberSince)
        throw new Problem('unauthenticated', { detail: 'You are no longer a member of this tenant.' });
      const refreshed = await sessions.refresh(token, causeOf(context));
      if (refreshed.outcome === 'reused') endedSessions.note(refreshed.ended);
      if (refreshed.outcome !== 'rotated')
        throw new Problem('unauthenticated', { detail: 'The refresh token is no longer valid. Sign in again.' });
      const { userId, sessionId, refreshToken } = refreshed;
      context.answeredUser = userId;
      return opener.tokensFor(userId, sessionTenantOf(live), sessionId, refreshToken);
    },

    me: async ({ userId, tenantId }: AuthenticatedUser): Promise<MeDto> => {
      const userDb = db.user(userId);
      const [user, companies] = await Promise.all([findUser(userDb), listTenants(userDb)]);
      if (!user) throw new Problem('unauthenticated');
      const current = companies.find(({ id }) => id === tenantId);
      return { ...userOf(user), ...(current && { tenant: current }), companies };
    },
  };
};

export abstract class IdentityService extends tokenClass<ReturnType<typeof createIdentityService>>() {}
