import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { ApiModule } from '../../apps/api/api.module';
import { AccountThrottle } from '../../apps/api/http/account-throttle';
import { createApp } from '../../apps/api/http/create-app';
import { createMemoryLimiter } from '../../apps/api/http/rate-window';
import { AggregateStore } from '../../libs/event-log/aggregate-store';
import { createAccessTokens } from '../../libs/identity/access-tokens';
import { type Argon2, createPasswords } from '../../libs/identity/passwords';
import { createSessions } from '../../libs/identity/sessions';
import { createSignUpStore } from '../../libs/identity/sign-up-store';
import { openSigningKeys, type SigningKeys } from '../../libs/identity/signing-keys';
import { createPool } from '../../libs/platform/database/pools';
import { roleNames } from '../../libs/platform/database/roles';
import { createScopedDb } from '../../libs/platform/database/scoped-db';
import { createPostgresIdempotencyStore } from '../../libs/platform/idempotency/store';
import { silentLogger } from '../../libs/platform/logger.port';
import { startEngine } from '../../libs/projecting/engine';
import { installProjections } from '../../libs/projecting/install';
import { createProjectionMetrics } from '../../libs/projecting/metrics';
import { createPositionWaiter } from '../../libs/projecting/position-waiter';
import { createProgress } from '../../libs/projecting/progress';
import { createTestDatabase, TEST_SECRET_KEY, type TestDatabase } from '../../libs/testing/database';
import { InMemoryEventLog } from '../../libs/testing/in-memory-event-log';
import { projections } from '../../projections';

export const PASSWORD = 'correct horse battery staple';

/** Sign-ins that an account may make in a minute. */
export const ACCOUNT_RATE = 5;

type Answer = Awaited<ReturnType<NestFastifyApplication['inject']>>;

export interface SignedUp {
  readonly user: { readonly id: string };
  readonly tenant: { readonly id: string };
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
  readonly sent: { readonly email: string; readonly password: string };
}

export interface IdentityApp {
  readonly app: NestFastifyApplication;
  readonly database: TestDatabase;
  readonly keys: SigningKeys;
  readonly log: InMemoryEventLog;
  /** The API's own, as the app role. */
  readonly pool: Pool;
  /** Of the test, past row-level security. */
  readonly owner: Pool;
  /** `hash` and `verify`, as often as they were done; hashes are cheap here. */
  readonly work: string[];
  post(url: string, payload: object, headers?: Record<string, string>): Promise<Answer>;
  get(url: string, token: string): Promise<Answer>;
  /** A sign-up's body, with an address of its own. */
  body(more?: object): SignedUp['sent'];
  /** Somebody new, in a company of their own. */
  signUp(more?: object): Promise<SignedUp>;
  close(): Promise<void>;
}

/** Notes the work, and does none: what is tested is that it is done, not how long it takes. */
const countingArgon2 = (work: string[]): Argon2 => ({
  hash: async (password) => {
    work.push('hash');
    return `hash of ${password}`;
  },
  verify: async (stored, password) => {
    work.push('verify');
    return stored === `hash of ${password}`;
  },
});

/** The API as `apps/api/start.ts` makes it, with its projections, over a log in memory. Close it in `afterAll`. */
export const createIdentityApp = async (): Promise<IdentityApp> => {
  const work: string[] = [];
  let people = 0;
  const database = await createTestDatabase();
  const pool = createPool({ url: database.urls.app, max: 8, applicationName: 'test', onError: () => {} });
  const projector = createPool({ url: database.urls.projector, max: projections.length + 5, applicationName: 'test' });
  const owner = createPool({ url: database.urls.owner, max: 2, applicationName: 'test' });
  const log = new InMemoryEventLog();
  const progress = createProgress();
  const roles = roleNames(database.rolePrefix);
  await installProjections(projector, projections, roles);
  const metrics = createProjectionMetrics({ registry: new Registry(), log, pool: projector });
  const engine = startEngine({ projections, log, pool: projector, roles, progress, logger: silentLogger, metrics });
  const waiter = createPositionWaiter({ projections: projections.map(({ name }) => name), progress, pool });
  const keys = await openSigningKeys({ pool, secretKey: TEST_SECRET_KEY, logger: silentLogger });
  const plenty = { limit: 1_000_000, windowSeconds: 60 };
  const module = ApiModule.with({
    pool,
    db: createScopedDb(pool),
    keys,
    store: new AggregateStore({ log }),
    passwords: createPasswords({ concurrency: 4 }, countingArgon2(work)),
    sessions: createSessions(pool, 30),
    accessTokens: createAccessTokens(keys, 900),
    signUps: createSignUpStore(pool),
    throttle: new AccountThrottle(createMemoryLimiter({ name: 'account', limit: ACCOUNT_RATE, windowSeconds: 60 })),
  });
  const app = await createApp(module, {
    logger: silentLogger,
    secretKey: TEST_SECRET_KEY,
    rateLimits: { tenant: plenty, anonymous: plenty, named: { signup: plenty, signin: plenty } },
    waiter,
    idempotency: createPostgresIdempotencyStore(pool),
  });
  const post: IdentityApp['post'] = (url, payload, headers = {}) =>
    app.inject({ method: 'POST', url, payload, headers });
  const body: IdentityApp['body'] = (more = {}) => ({
    ...{ companyName: 'Acme', personName: 'Ada Lovelace', email: `Ada${++people}@acme.example`, password: PASSWORD },
    ...more,
  });
  return {
    app,
    work,
    post,
    get: (url, token) => app.inject({ url, headers: { authorization: `Bearer ${token}` } }),
    body,
    signUp: async (more) => {
      const sent = body(more);
      const answer = await post('/v1/signup', sent);
      if (answer.statusCode !== 201) throw new Error(`the sign-up was answered ${answer.statusCode}: ${answer.body}`);
      return { ...answer.json(), sent };
    },
    database,
    keys,
    log,
    pool,
    owner,
    close: async () => {
      await app.close();
      waiter.close();
      keys.close();
      await engine.stop();
      await log.close();
      await Promise.all([pool, projector, owner].map((it) => it.end()));
      await database.drop();
    },
  };
};
