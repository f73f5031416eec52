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

export const PASSWORD = 'correct horse battery staple';

/** Wrong passwords in a minute, for one account from one network. */
export const ACCOUNT_RATE = 5;
/** And from all networks together. */
export const ACCOUNT_TOTAL_RATE = 12;

type Answer = Awaited<ReturnType<NestFastifyApplication['inject']>>;

/** A request of somebody: with a body, of an access token, from an address. */
export interface Asking {
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
  /** How far the read models are; of all apps on one database. */
  readonly progress: Progress;
  /** The API's own, as the app role. */
  readonly pool: Pool;
  /** Of the test, past row-level security. */
  readonly owner: Pool;
  /** The API's own. */
  readonly passwords: Passwords;
  /** `hash` and `verify`, as often as they were done; hashes are cheap here. */
  readonly work: string[];
  post(url: string, payload: object, headers?: Record<string, string>): Promise<Answer>;
  get(url: string, token: string): Promise<Answer>;
  ask(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, asking?: Asking): Promise<Answer>;
  /** Appends a fact to a tenant's stream, past all rules, and waits until the read models have it. */
  happen(tenantId: string, event: TenantEvent): Promise<void>;
  /** Waits until every checkpoint is at the log's end; an answer waits for none, and a reader for what concerns it. */
  settled(): Promise<void>;
  /** A sign-up's body, with an address of its own. */
  body(more?: object): SignedUp['sent'];
  /** Somebody new, in a tenant of their own. */
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

let people = 0;

/**
 * The API as the product composes it, with its projections, over a log in memory. Close it in `afterAll`.
 * @param beside another one, whose database, log and projections it uses, as a second process would; close it first
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
  const parts = { projections, log, pool: projector, roles, progress, logger: silentLogger, metrics };
  const engine = beside ? undefined : startEngine(parts);
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
      // A busy machine is no failure: what is not shown in time has its own specs.
      consistencyWaitMs: 10_000,
      maxEventLoopDelayMs: 60_000,
    },
  );
  const { app } = api;
  const post: IdentityApp['post'] = (url, payload, headers = {}) =>
    app.inject({ method: 'POST', url, payload, headers });
  const body: IdentityApp['body'] = (more = {}) => ({
    ...{ companyName: 'Acme', personName: 'Ada Lovelace', email: `Ada${++people}@acme.example`, password: PASSWORD },
    ...more,
  });
  return {
    app,
    work,
    passwords: app.get(Passwords),
    post,
    get: (url, token) => app.inject({ url, headers: { authorization: `Bearer ${token}` } }),
    ask: (method, url, { payload, token, headers, remoteAddress } = {}) =>
      app.inject({
        method,
        url,
        headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
        ...(payload && { payload }),
        ...(remoteAddress !== undefined && { remoteAddress }),
      }),
    happen: async (tenantId, event) => {
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
      // A busy machine sheds load; the same sign-up may be repeated.
      for (const end = Date.now() + 60_000; answer.statusCode === 503 && Date.now() < end; ) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        answer = await post('/v1/signup', sent);
      }
      if (answer.statusCode !== 201) throw new Error(`the sign-up was answered ${answer.statusCode}: ${answer.body}`);
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
