import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openAccessRecords } from '#access/access-records';
import { isUnusedRefreshToken } from '#identity/sessions/unused-token';
import type { Settings } from '#platform/config/settings';
import { createPostgresIdempotencyStore } from '#platform/idempotency/store';
import { ApiModule } from './api.module';
import type { ApiDeps } from './core/api-context';
import { createPublicUrl } from './core/public-url';
import type { RateLimitOptions } from './http/limits/rate-limits';
import { createApp } from './http/server/create-app';
import type { HttpOptions } from './http/server/options';
import { serveJobsBoard } from './ops/board';
import { openGate } from './ops/gate';
import { openOperatorLog } from './ops/operator-log';
import { createRefusalAudit } from './plans/refusal-audit';

/** Maximum number of attempts to sign in as an operator from one address in a minute. */
const OPERATOR_LOGINS = 10;
const MINUTE = 60;
const HOUR = 3_600;

const rateLimitsOf = (settings: Settings): RateLimitOptions => ({
  tenant: { limit: settings.apiRatePerMinute, windowSeconds: MINUTE },
  anonymous: { limit: settings.apiRatePerMinute, windowSeconds: MINUTE },
  named: {
    signup: { limit: settings.signupRatePerHour, windowSeconds: HOUR },
    signin: { limit: settings.signinRatePerMinute, windowSeconds: MINUTE },
    join: { limit: settings.joinRatePerMinute, windowSeconds: MINUTE },
    operator: { limit: OPERATOR_LOGINS, windowSeconds: MINUTE },
  },
});

export interface ComposedApi {
  readonly app: NestFastifyApplication;
  /** Sets the URL at which the API listens, for links. Needed if `PUBLIC_URL` is not set. */
  readonly listensAt: (url: string) => void;
  /** Answers every request that has arrived, then stops. The caller may close its connections after that. */
  close(): Promise<void>;
}

/**
 * Creates the API with the connections of its process, or of a test. It does not listen yet.
 * @param overrides options of the HTTP application that replace those from the settings
 */
export const composeApi = async (deps: ApiDeps, overrides: Partial<HttpOptions> = {}): Promise<ComposedApi> => {
  const { settings, logger, secretKey, pool, log, waiter, jobs, makeLimiter, readiness, registry } = deps;
  const { publicUrl, listensAt } = createPublicUrl(settings.publicUrl);
  const accessRecords = openAccessRecords(log, { pool });
  const board = {
    gate: openGate(deps, publicUrl),
    operatorLog: openOperatorLog(deps, accessRecords),
    queues: jobs.allQueues,
  };
  const refusals = createRefusalAudit({ log, accessRecords, logger });
  const app = await createApp(ApiModule.with(deps, { publicUrl, accessRecords }), {
    logger,
    secretKey,
    rateLimits: rateLimitsOf(settings),
    makeLimiter,
    trustProxy: settings.trustProxy,
    corsOrigins: settings.corsOrigins,
    requestTimeoutMs: settings.requestTimeoutMs,
    consistencyWaitMs: settings.consistencyWaitMs,
    shutdownGraceMs: settings.shutdownGraceMs,
    refusals,
    waiter,
    accessRecords,
    idempotency: {
      store: createPostgresIdempotencyStore(pool),
      isUsableToken: (tokenHash) => isUnusedRefreshToken(pool, tokenHash),
    },
    ...(readiness && { readiness }),
    registry,
    metricsToken: settings.metricsToken,
    publicUrl,
    admitOperator: board.gate.admit,
    addRoutes: (instance) => serveJobsBoard(instance, board),
    ...overrides,
  });
  const close = async (): Promise<void> => {
    await app.close();
    await refusals.close();
  };
  return { app, listensAt, close };
};
