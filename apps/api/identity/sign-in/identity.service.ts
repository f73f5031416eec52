import type { Role } from '#domain/tenant/roles';
import { emailKey } from '#identity/email';
import { type SignUpEvents, type SignUpRequest, signUp } from '#identity/sagas/sign-up';
import { slugOf } from '#identity/slug';
import { findCredentials, findUser, type User } from '#identity/users';
import { uuidv5 } from '#platform/ids/uuid';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import type { ClientInfo } from '../../http/requests/client';
import { authenticatedUserOf } from '../../http/requests/command-context';
import type { AuthenticatedUser, RequestContext } from '../../http/requests/request-context';
import type {
  FoundedDto,
  MeDto,
  RefreshedDto,
  SignedInDto,
  SignedUpDto,
  SignInDto,
  SignUpDto,
  TenantDto,
  UserDto,
} from './identity.dto';
import type { IdentityDeps, SignInDeps } from './identity-deps';
import { listTenants } from './tenants';

const userOf = ({ id, name, email, createdAt }: User): UserDto => ({
  id,
  name,
  email,
  createdAt: createdAt.toISOString(),
});

/** One answer for an unknown address, a wrong password, and a sign-up that is not complete. */
const notThem = (): Problem =>
  new Problem('unauthenticated', { detail: 'The e-mail address or the password is wrong.' });

/** Signing up, in and on: puts the parts of `libs/identity` together for the routes. */
export const createIdentityService = (
  { pool, db, passwords, sessions, signUps, markOf }: IdentityDeps,
  { check, opener, liveTenant, ended }: SignInDeps,
  events: SignUpEvents,
) => {
  /** Where a sign-in leads that names no tenant: the one used last, else the first of theirs that is still open. */
  const usualTenant = async (
    userId: string,
    lastTenantId: string | null,
    companies: readonly TenantDto[],
  ): Promise<TenantDto | undefined> => {
    const inOrder = new Set([...(lastTenantId === null ? [] : [lastTenantId]), ...companies.map(({ id }) => id)]);
    for (const tenantId of inOrder) {
      const tenant = await liveTenant(tenantId, userId);
      if (tenant) return tenant;
    }
    return undefined;
  };

  return {
    signUp: async (
      { companyName, personName, email, password }: SignUpDto,
      context: RequestContext,
      client: ClientInfo,
    ): Promise<SignedUpDto> => {
      const request: SignUpRequest = {
        ...{ companyName, personName, email, password },
        commandId: context.commandId,
        correlationId: context.requestId,
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
      return { user, tenant, ...(await opener.open(userId, tenant, client, context)) };
    },

    signIn: async (
      { email, password, tenantId }: SignInDto,
      context: RequestContext,
      client: ClientInfo,
    ): Promise<SignedInDto> => {
      const attempt = { account: emailKey(email), network: client.network, password };
      const credentials = await check(attempt, () => findCredentials(pool, email, markOf(client.network)));
      if (!credentials) throw notThem();
      const { userId, lastTenantId } = credentials;
      const personal = db.user(userId);
      const [user, companies] = await Promise.all([findUser(personal), listTenants(personal)]);
      if (!user) throw notThem();
      const tenant = tenantId ? await liveTenant(tenantId, userId) : await usualTenant(userId, lastTenantId, companies);
      if (!tenant && tenantId)
        throw new Problem('not-found', { detail: 'You are not a member of this tenant, or it does not exist.' });
      // Who belongs to none is let in all the same: their account and their personal data are theirs.
      const tokens = await opener.open(userId, tenant, client, context);
      return { user: userOf(user), ...(tenant && { tenant }), companies, ...tokens };
    },

    /** A signed-in user founds a tenant. Its id is the command's: a repeat after a crash finds what it made. */
    found: async (companyName: string, context: RequestContext, client: ClientInfo): Promise<FoundedDto> => {
      const { userId } = authenticatedUserOf(context);
      const { commandId: tenantId, requestId: correlationId } = context;
      const tenant = { id: tenantId, name: companyName, slug: slugOf(companyName), role: 'owner' satisfies Role };
      // The session comes first: anyone who is being erased gets none, and founds nothing.
      const tokens = await opener.open(userId, tenant, client, context);
      const wanted = { tenantId, companyName, slug: tenant.slug, userId };
      const actor = { kind: 'user', id: userId } as const;
      const command = { commandId: uuidv5(tenantId, 'tenant'), actor, correlationId };
      context.position = await events.createTenant(wanted, command);
      context.positionTenant = tenantId;
      return { tenant, ...tokens };
    },

    refresh: async (token: string, context: RequestContext): Promise<RefreshedDto> => {
      // Asked before the token is traded: while the log is not available nobody loses theirs.
      const owner = await sessions.ownerOf(token);
      const tenant = owner?.tenantId ? await liveTenant(owner.tenantId, owner.userId) : undefined;
      if (owner?.tenantId && !tenant)
        throw new Problem('unauthenticated', { detail: 'You are no longer a member of this tenant.' });
      const refreshed = await sessions.refresh(token);
      if (refreshed.outcome === 'reused') ended.note([refreshed.sessionId]);
      if (refreshed.outcome !== 'rotated')
        throw new Problem('unauthenticated', { detail: 'The refresh token is no longer valid. Sign in again.' });
      const { userId, sessionId, refreshToken } = refreshed;
      context.answeredUser = userId;
      return opener.tokensFor(userId, tenant, sessionId, refreshToken);
    },

    me: async ({ userId, tenantId }: AuthenticatedUser): Promise<MeDto> => {
      const personal = db.user(userId);
      const [user, companies] = await Promise.all([findUser(personal), listTenants(personal)]);
      if (!user) throw new Problem('unauthenticated');
      const current = companies.find(({ id }) => id === tenantId);
      return { ...userOf(user), ...(current && { tenant: current }), companies };
    },
  };
};

export abstract class IdentityService extends tokenClass<ReturnType<typeof createIdentityService>>() {}
