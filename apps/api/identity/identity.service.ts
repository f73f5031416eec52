import type { Pool } from 'pg';
import type { Role } from '../../../libs/domain/tenant/roles';
import type { AccessTokens } from '../../../libs/identity/access-tokens';
import { emailKey } from '../../../libs/identity/email';
import { createEndedSessions } from '../../../libs/identity/ended-sessions';
import type { Passwords } from '../../../libs/identity/passwords';
import { findCredentials, findPerson, type Person } from '../../../libs/identity/people';
import type { Sessions } from '../../../libs/identity/sessions';
import { type SignUpEvents, type SignUpRequest, signUp } from '../../../libs/identity/sign-up';
import type { SignUpStore } from '../../../libs/identity/sign-up-store';
import type { ScopedDb } from '../../../libs/platform/database/scoped-db';
import { Problem } from '../../../libs/platform/problems';
import { type Company, companiesOf } from '../../../projections/members/queries';
import type { AccountThrottle } from '../http/account-throttle';
import type { Principal, RequestContext } from '../http/request-context';
import type {
  CompanyDto,
  MeDto,
  RefreshedDto,
  SignedInDto,
  SignedUpDto,
  SignInDto,
  SignUpDto,
  UserDto,
} from './identity.dto';

export interface IdentityParts {
  /** Connects as the app role. */
  readonly pool: Pool;
  readonly db: ScopedDb;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly accessTokens: AccessTokens;
  readonly signUps: SignUpStore;
  readonly events: SignUpEvents;
  readonly throttle: AccountThrottle;
}

const userOf = ({ id, name, email, createdAt }: Person): UserDto => ({
  id,
  name,
  email,
  createdAt: createdAt.toISOString(),
});

const companyOf = ({ tenantId, name, slug, role }: Company): CompanyDto => ({ id: tenantId, name, slug, role });

/** One answer for an unknown address, a wrong password, and a sign-up that is not complete. */
const notThem = (): Problem => new Problem('unauthenticated', { detail: 'The address or the password is wrong.' });

/** Signing up, in and on: puts the parts of `libs/identity` together for the routes. */
export const createIdentity = ({
  pool,
  db,
  passwords,
  sessions,
  accessTokens,
  signUps,
  events,
  throttle,
}: IdentityParts) => {
  const tokensFor = (
    personId: string,
    company: { id: string; role: string },
    sessionId: string,
    refreshToken: string,
  ) => ({
    accessToken: accessTokens.issue({ sub: personId, tid: company.id, role: company.role, sid: sessionId }),
    refreshToken,
    expiresIn: accessTokens.ttlSeconds,
  });

  const open = async (personId: string, company: { id: string; role: string }, userAgent: string | undefined) => {
    const { sessionId, refreshToken } = await sessions.open(personId, company.id, userAgent);
    return tokensFor(personId, company, sessionId, refreshToken);
  };

  return {
    /** Whoever lets requests in by their tokens watches it, and closes it. */
    ended: createEndedSessions({ pool, accessTtlSeconds: accessTokens.ttlSeconds }),

    signUp: async (
      { companyName, personName, email, password }: SignUpDto,
      context: RequestContext,
      userAgent?: string,
    ): Promise<SignedUpDto> => {
      const request: SignUpRequest = {
        ...{ companyName, personName, email, password },
        commandId: context.commandId,
        correlationId: context.requestId,
      };
      const { personId, tenantId, slug, createdAt, position } = await signUp(request, {
        passwords,
        store: signUps,
        events,
      });
      const tenant = { id: tenantId, name: companyName, slug, role: 'owner' satisfies Role };
      context.position = position;
      context.positionTenant = tenantId;
      const user = userOf({ id: personId, name: personName, email, createdAt });
      return { user, tenant, ...(await open(personId, tenant, userAgent)) };
    },

    signIn: async ({ email, password, tenantId }: SignInDto, userAgent?: string): Promise<SignedInDto> => {
      // The same account, however its address is written.
      await throttle.consume(emailKey(email));
      const credentials = await findCredentials(pool, email);
      const fits = await passwords.verify(credentials?.passwordHash, password);
      if (!credentials || !fits) throw notThem();
      const personal = db.person(credentials.personId);
      const [person, companies] = await Promise.all([findPerson(personal), companiesOf(personal)]);
      if (!person) throw notThem();
      const wanted = tenantId ?? credentials.lastTenantId;
      const company = companies.find((it) => it.tenantId === wanted) ?? (tenantId ? undefined : companies[0]);
      if (!company) {
        throw tenantId
          ? new Problem('not-found', { detail: 'You belong to no such company.' })
          : new Problem('forbidden', { detail: 'You do not belong to a company any more.' });
      }
      const tenant = companyOf(company);
      const tokens = await open(person.id, tenant, userAgent);
      return { user: userOf(person), tenant, companies: companies.map(companyOf), ...tokens };
    },

    refresh: async (token: string): Promise<RefreshedDto> => {
      const refreshed = await sessions.refresh(token);
      if (refreshed.outcome !== 'rotated')
        throw new Problem('unauthenticated', { detail: 'The refresh token is not valid any more. Sign in again.' });
      const { personId, tenantId, sessionId, refreshToken } = refreshed;
      const company = (await companiesOf(db.person(personId))).find((it) => it.tenantId === tenantId);
      if (!company) throw new Problem('unauthenticated', { detail: 'You do not belong to that company any more.' });
      return tokensFor(personId, companyOf(company), sessionId, refreshToken);
    },

    me: async ({ personId, tenantId }: Principal): Promise<MeDto> => {
      const personal = db.person(personId);
      const [person, companies] = await Promise.all([findPerson(personal), companiesOf(personal)]);
      if (!person) throw new Problem('unauthenticated');
      const current = companies.find((it) => it.tenantId === tenantId);
      return {
        ...userOf(person),
        ...(current && { tenant: companyOf(current) }),
        companies: companies.map(companyOf),
      };
    },
  };
};

export type Identity = ReturnType<typeof createIdentity>;
