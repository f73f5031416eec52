import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { composeApi } from '#apps/api/compose-api';
import { createMemoryLimiter } from '#apps/api/http/limits/rate-window';
import type { TenantEvent } from '#domain/tenant/events';
import { tenantFold } from '#domain/tenant/evolve';
import { openSigningKeys, type SigningKeys } from '#identity/keys/signing-keys';
import { type Argon2, Passwords } from '#identity/passwords';
import { loadSettings } from '#platform/config/settings';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { createScopedDb } from '#platform/database/scoped/scoped-db';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { startEngine } from '#projecting/engine';
import { createProjectionMetrics } from '#projecting/metrics';
import { createPositionWaiter } from '#projecting/read-your-writes/position-waiter';
import { createProgress, type Progress } from '#projecting/read-your-writes/progress';
import { installProjections } from '#projecting/versions/install';
import { projections } from '#projections/index';
import { createTestDatabase, TEST_SECRET_KEY, type TestDatabase } from '#testing/database';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { withCheckedResponses } from './responses/check-injected';

export const PASSWORD = 'correct horse battery staple';

/** Allowed wrong passwords per minute for one user from one network. */
export const ACCOUNT_RATE = 5;
/** Allowed wrong passwords per minute for one user from all networks together. */
export const ACCOUNT_TOTAL_RATE = 12;

type Answer = Awaited<ReturnType<NestFastifyApplication['inject']>>;

/** The optional parts of a request. */
export interface RequestOptions {
  readonly payload?: object;
  readonly token?: string;
  readonly headers?: Record<string, string>;
  readonly remoteAddress?: string;
}

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
  /** The positions of the read models. All apps on one database share it. */
  readonly progress: Progress;
  /** The pool of the API, with the role `app`. */
  readonly pool: Pool;
  /** A pool of the test as the owner, to whom row-level security does not apply. */
  readonly owner: Pool;
  /** The password service of the API. */
  readonly passwords: Passwords;
  /** One `hash` or `verify` for each password operation so far. The operations are simulated and take no time. */
  readonly work: string[];
  post(url: string, payload: object, headers?: Record<string, string>): Promise<Answer>;
  get(url: string, token: string): Promise<Answer>;
  request(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, asking?: RequestOptions): Promise<Answer>;
  /** Appends an event to a tenant's stream without any rule, and waits until the read models include it. */
  appendEvents(tenantId: string, event: TenantEvent): Promise<void>;
  /** Waits until every checkpoint is at the end of the log. */
  settled(): Promise<void>;
  /** The body of a sign-up with a new email address. */
  body(more?: object): SignedUp['sent'];
  /** Signs up a new user with a new tenant. */
  signUp(more?: object): Promise<SignedUp>;
  close(): Promise<void>;
}

/** Adds each operation to `work` and hashes nothing: the tests check that operations happen, not how long they take. */
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

let userCount = 0;

/**
 * The API as the product composes it, with its projections, and with an event log in memory. Close it in `afterAll`.
 * @param beside another app, whose database, log and projections this app uses, as a second process would. Close this
 * app
 *   before that one
 */
export const createIdentityApp = async (
  beside?: IdentityApp,
  more: { plans?: 'catalogue'; keysEveryMs?: number; authorityGraceMs?: number } = {},
): Promise<IdentityApp> => {
  const work: string[] = [];
  const database = beside?.database ?? (await createTestDatabase());
  const pool = createPool({
    ...{ url: database.urls.app, max: 8, applicationName: 'test', pipeline: true },
    onError: () => {},
  });
  const projector = createPool({ url: database.urls.projector, max: projections.length + 5, applicationName: 'test' });
  const owner = createPool({ url: database.urls.owner, max: 2, applicationName: 'test' });
  const log = new InMemoryEventLog(beside?.log.store);
  const progress = beside?.progress ?? createProgress();
  const roles = roleNames(database.rolePrefix);
  if (!beside) await installProjections(projector, projections, roles);
  const metrics = createProjectionMetrics({ registry: new Registry(), log, pool: projector });
  const deps = { projections, log, pool: projector, roles, progress, logger: silentLogger, metrics };
  const engine = beside ? undefined : startEngine(deps);
  const waiter = createPositionWaiter({ projections: projections.map(({ name }) => name), progress, pool });
  const keys = await openSigningKeys({
    ...{ pool, secretKey: TEST_SECRET_KEY, logger: silentLogger },
    ...(more.keysEveryMs !== undefined && { everyMs: more.keysEveryMs }),
  });
  const settings = loadSettings({
    PLANS: more.plans ?? 'none',
    PUBLIC_URL: 'https://api.example.com',
    BILLING_RETURN_ORIGINS: 'https://app.example.com',
    PASSWORD_HASH_CONCURRENCY: '4',
    SIGNIN_ACCOUNT_RATE_PER_MINUTE: String(ACCOUNT_RATE),
    SIGNIN_ACCOUNT_TOTAL_RATE_PER_MINUTE: String(ACCOUNT_TOTAL_RATE),
  });
  const plenty = { limit: 1_000_000, windowSeconds: 60 };
  const api = await composeApi(
    {
      ...{ logger: silentLogger, secretKey: TEST_SECRET_KEY, pool, projectorPool: projector, log, keys, waiter },
      settings: {
        ...settings,
        ...(more.authorityGraceMs !== undefined && { authorityGraceSeconds: more.authorityGraceMs / 1_000 }),
      },
      db: createScopedDb(pool),
      jobs: {
        queue: () => ({ add: async () => undefined, addMany: async () => undefined }),
        allQueues: async () => [],
      },
      stripe: undefined,
      makeLimiter: createMemoryLimiter,
      argon2: countingArgon2(work),
    },
    {
      rateLimits: { tenant: plenty, anonymous: plenty, named: { signup: plenty, signin: plenty } },
      // The machine may be busy. Read models that are behind, and an overloaded process, are tested in other specs.
      consistencyWaitMs: 10_000,
      maxEventLoopDelayMs: 0,
    },
  );
  const app = withCheckedResponses(api.app);
  const post: IdentityApp['post'] = (url, payload, headers = {}) =>
    app.inject({ method: 'POST', url, payload, headers });
  const body: IdentityApp['body'] = (more = {}) => ({
    ...{ companyName: 'Acme', personName: 'Ada Lovelace', email: `Ada${++userCount}@acme.example`, password: PASSWORD },
    ...more,
  });
  return {
    app,
    work,
    passwords: app.get(Passwords),
    post,
    get: (url, token) => app.inject({ url, headers: { authorization: `Bearer ${token}` } }),
    request: (method, url, { payload, token, headers, remoteAddress } = {}) =>
      app.inject({
        method,
        url,
        headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
        ...(payload && { payload }),
        ...(remoteAddress !== undefined && { remoteAddress }),
      }),
    appendEvents: async (tenantId, event) => {
      const stream = { tenantId, aggregate: tenantFold.aggregate, id: tenantId };
      const actor = { kind: 'system' } as const;
      const { position } = await log.append({
        ...{ stream, actor, expected: 'any', events: [event], commandId: uuidv7(), correlationId: 'test' },
      });
      await waiter.waitFor(position, 10_000);
    },
    settled: async () => {
      const head = (await log.head()).toString();
      const isBehind = 'select 1 from projecting.checkpoints where position < $1 limit 1';
      for (const end = Date.now() + 20_000; (await owner.query(isBehind, [head])).rowCount !== 0; ) {
        if (Date.now() > end) throw new Error('the read models are still behind');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    body,
    signUp: async (more) => {
      const sent = body(more);
      let answer = await post('/v1/signup', sent);
      // A busy server answers 503, and the same sign-up can be sent again.
      for (const end = Date.now() + 60_000; answer.statusCode === 503 && Date.now() < end; ) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        answer = await post('/v1/signup', sent);
      }
      if (answer.statusCode !== 201)
        throw new Error(`the sign-up was answered with ${answer.statusCode}: ${answer.body}`);
      return { ...answer.json(), sent };
    },
    database,
    keys,
    log,
    progress,
    pool,
    owner,
    close: async () => {
      await api.close();
      waiter.close();
      keys.close();
      await engine?.stop();
      await log.close();
      await Promise.all([pool, projector, owner].map((it) => it.end()));
      if (!beside) await database.drop();
    },
  };
};
