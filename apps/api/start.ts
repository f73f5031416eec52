import 'reflect-metadata';
import { createCalls } from '../../libs/billing/calls';
import { createIntake } from '../../libs/billing/intake';
import { askForBackfill, createNudge } from '../../libs/billing/nudge';
import { createInboxOperations } from '../../libs/billing/operations';
import { createTenantTurns } from '../../libs/billing/turns';
import { AggregateStore } from '../../libs/event-log/aggregate-store';
import { createPostgresSnapshots } from '../../libs/event-log/postgres/snapshots';
import { createAccessTokens } from '../../libs/identity/access-tokens';
import { createInvitationTokens } from '../../libs/identity/invitation-tokens';
import { createJoinStore } from '../../libs/identity/join-store';
import { createNetworkMarks } from '../../libs/identity/network-marks';
import { createOperatorTokens } from '../../libs/identity/operator-tokens';
import { createPasswords } from '../../libs/identity/passwords';
import { createSessions } from '../../libs/identity/sessions';
import { createSignUpStore } from '../../libs/identity/sign-up-store';
import { openSigningKeys } from '../../libs/identity/signing-keys';
import { createCatalogue } from '../../libs/plans/catalogue';
import { createPool } from '../../libs/platform/database/pools';
import { createScopedDb } from '../../libs/platform/database/scoped-db';
import { createWake } from '../../libs/platform/database/wake';
import { createPostgresIdempotencyStore } from '../../libs/platform/idempotency/store';
import { createSealer, deriveKey } from '../../libs/platform/seal';
import { createProjectionMetrics } from '../../libs/projecting/metrics';
import { createPositionWaiter } from '../../libs/projecting/position-waiter';
import { projections } from '../../projections';
import { SNAPSHOT_CONNECTIONS } from '../connections';
import type { Part } from '../context';
import { databaseSettingsCheck } from '../database-settings-check';
import { dependencyChecks, signingKeysCheck } from '../readiness';
import type { Runtime } from '../runtime';
import { modeOf, openGateway } from '../stripe';
import { ApiModule } from './api.module';
import { createBilling } from './billing/billing.service';
import { createReturning } from './billing/returning';
import { AccountThrottle } from './http/account-throttle';
import { createApp } from './http/create-app';
import { listen } from './http/listen';
import { connectSharedCounts } from './http/rate-redis';
import { createMemoryLimiter } from './http/rate-window';
import { serveJobsBoard } from './ops/board';
import { createGate } from './ops/gate';
import { openPlans } from './plans/open-plans';
import { createRefusals } from './plans/refusals';
import { createPublicUrl, returnOriginsOf } from './public-url';

const QUERYABLE = projections.map(({ name }) => name);
/**
 * ms that a request's statement may take. With what the pool adds, less than the 10 s in which a database that was away is
 * to recover: a connection that died without an error is detected by then.
 */
const STATEMENT_MS = 5_000;
/** ms that a statement about a snapshot may take. */
const SNAPSHOT_MS = 2_000;
/** Tries of one address in a minute to come in as an operator. */
const OPERATOR_LOGINS = 10;
const MINUTE = 60;
const HOUR = 3_600;

/** The HTTP process: routes over the event log, the read models and identity. Any number of processes may run it. */
export const startApi = async (runtime: Runtime): Promise<Part> => {
  const { settings, logger, secretKey, databaseUrls, databaseRoutes, log, progress, registry, jobs, readiness } =
    runtime;
  const pool = createPool({
    ...databaseRoutes.app,
    max: settings.databasePoolSize,
    applicationName: 'tenantry-api',
    pipeline: true,
    statementTimeoutMs: Math.min(settings.requestTimeoutMs, STATEMENT_MS),
    onError: (error) => logger.warn({ err: error }, 'a connection of the API was lost'),
  });
  const snapshots = createPool({
    ...databaseRoutes.log,
    max: SNAPSHOT_CONNECTIONS,
    applicationName: 'tenantry-snapshots',
    // What a snapshot spares is read from the events instead.
    statementTimeoutMs: SNAPSHOT_MS,
  });
  const keys = await runtime.waitForDatabase(() => openSigningKeys({ pool, secretKey, logger }));
  const wake = createWake({ channel: 'projecting', connectionString: databaseUrls.app, pool });
  // Projections that run in this process tell of themselves.
  const elsewhere = settings.role === 'api';
  const stopping = new AbortController();
  if (elsewhere) {
    wake.start();
    // Where no worker is left to tell how far behind the read models are, this does.
    void createProjectionMetrics({ registry, log, pool: runtime.projectorPool }).watch(stopping.signal);
  }
  const waiter = createPositionWaiter({ projections: QUERYABLE, progress, pool, ...(elsewhere && { wake }) });
  const shared = settings.redisUrl ? connectSharedCounts(settings.redisUrl, logger) : undefined;
  const makeLimiter = shared?.limiter ?? createMemoryLimiter;
  const attempts = (name: string, limit: number) => makeLimiter({ name, limit, windowSeconds: MINUTE });

  const db = createScopedDb(pool);
  const { plans: kind, invitationsHoldSeats } = settings;
  const plans = openPlans({
    catalogue: createCatalogue(settings.stripePrices),
    plans: kind,
    invitationsHoldSeats,
    ...{ pool, db, log, waiter, logger },
  });
  const nudge = createNudge(jobs);
  const { publicUrl, listensAt } = createPublicUrl(settings.publicUrl);
  const stripe = runtime.stripe && { ...openGateway(runtime.stripe), secrets: runtime.stripe.webhookSecrets };
  const mode = modeOf(runtime.stripe);
  const billing = createBilling({
    gateway: stripe?.gateway,
    calls: createCalls(db, mode),
    turns: createTenantTurns(db),
    catalogue: plans.catalogue,
    usage: plans.usage,
    returning: createReturning(createSealer(deriveKey(secretKey, 'return from Stripe')), publicUrl),
    returnOrigins: returnOriginsOf(settings.billingReturnOrigins, settings.corsOrigins, publicUrl),
    settled: async () => {
      const head = await log.head();
      await waiter.waitFor(head, settings.consistencyWaitMs);
      return head;
    },
    ...{ db, nudge },
  });
  const webhook = stripe ? { secrets: stripe.secrets, mode, takeIn: createIntake(pool, nudge) } : null;
  const operatorTokens = createOperatorTokens(secretKey);

  const module = ApiModule.with({
    billing,
    inbox: createInboxOperations(runtime.projectorPool, mode),
    backfill: () => askForBackfill(jobs),
    webhook,
    pool,
    db,
    plans,
    keys,
    retentionDays: settings.tenantRetentionDays,
    authorityGraceMs: settings.authorityGraceSeconds * 1_000,
    invitationTokens: createInvitationTokens(secretKey),
    operatorTokens,
    publicUrl,
    joins: createJoinStore(pool),
    log,
    store: new AggregateStore({ log, snapshots: createPostgresSnapshots(snapshots) }),
    passwords: createPasswords({ concurrency: settings.passwordHashConcurrency }),
    sessions: createSessions(pool, settings.refreshTokenTtlDays),
    accessTokens: createAccessTokens(keys, settings.accessTokenTtlSeconds),
    markOf: createNetworkMarks(secretKey),
    signUps: createSignUpStore(pool),
    throttle: new AccountThrottle({
      network: attempts('account', settings.signinAccountRatePerMinute),
      everywhere: attempts('account-everywhere', settings.signinAccountTotalRatePerMinute),
    }),
  });
  readiness.add(
    ...dependencyChecks({ log, pool, projections }),
    signingKeysCheck(keys),
    databaseSettingsCheck({
      db,
      pools: [
        [pool, 'app'],
        [snapshots, 'log'],
        [runtime.projectorPool, 'projector'],
      ],
    }),
  );
  const refusals = createRefusals({ log, logger });
  const app = await createApp(module, {
    logger,
    secretKey,
    rateLimits: {
      tenant: { limit: settings.apiRatePerMinute, windowSeconds: MINUTE },
      anonymous: { limit: settings.apiRatePerMinute, windowSeconds: MINUTE },
      named: {
        signup: { limit: settings.signupRatePerHour, windowSeconds: HOUR },
        signin: { limit: settings.signinRatePerMinute, windowSeconds: MINUTE },
        join: { limit: settings.joinRatePerMinute, windowSeconds: MINUTE },
        operator: { limit: OPERATOR_LOGINS, windowSeconds: MINUTE },
      },
    },
    makeLimiter,
    trustProxy: settings.trustProxy,
    corsOrigins: settings.corsOrigins,
    requestTimeoutMs: settings.requestTimeoutMs,
    consistencyWaitMs: settings.consistencyWaitMs,
    shutdownGraceMs: settings.shutdownGraceMs,
    refusals,
    waiter,
    idempotency: createPostgresIdempotencyStore(pool),
    readiness,
    registry: settings.metrics ? registry : undefined,
    addRoutes: (instance) =>
      serveJobsBoard(instance, { gate: createGate({ tokens: operatorTokens, publicUrl }), queues: jobs.allQueues }),
  });
  const stop = async (): Promise<void> => {
    await app.close();
    stopping.abort();
    await refusals.close();
    await plans.close();
    waiter.close();
    keys.close();
    shared?.close();
    await wake.close();
    await Promise.all([pool.end(), snapshots.end()]);
  };
  try {
    await listen(app, settings);
  } catch (error) {
    await stop();
    throw error;
  }
  const url = await app.getUrl();
  listensAt(url);
  return { url, stop };
};
