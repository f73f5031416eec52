import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { isWebhook } from '#billing/inbox/webhook-path';
import { createSealer, deriveKey } from '#platform/encryption';
import { nestLogger } from '#platform/logging/nest-logger';
import { isPage } from '../../invitations/page/problem-page';
import { isBoard, isOperatorsPage } from '../../ops/paths';
import { createConsistency } from '../contract/consistency';
import { ContractModule } from '../contract/contract.module';
import { createIdempotency } from '../contract/idempotency';
import { PAGE_CURSORS } from '../contract/pages';
import { createPositionTokens } from '../contract/position-token';
import { createArrivals } from '../limits/arriving-bodies';
import { trackConnections } from '../limits/connections';
import { createInFlight } from '../limits/in-flight';
import { shedLoad } from '../limits/load-shedding';
import { createRateLimits } from '../limits/rate-limits';
import { DOCS_PATH, serveDocumentation } from '../openapi/docs';
import { ProblemFilter } from '../problems/problem-filter';
import { addProblemPages } from '../problems/problem-pages';
import { acceptForms, acceptJsonOnly } from '../requests/json-body';
import { isProxyOf } from '../requests/trusted-proxies';
import { createValidationPipe } from '../validation/validation';
import { watchAllowedMethods } from './allowed-methods';
import { addCors } from './cors';
import { drainBeforeClose } from './draining';
import { addHealthRoutes } from './health';
import { addHooks } from './hooks';
import { createHttpMetrics } from './http-metrics';
import type { HttpOptions } from './options';
import { learnSecurityHeaders } from './security-headers';
import { createAdapter } from './server';

@Module({})
class RootModule {}

/**
 * Creates the HTTP application for a module of controllers, with everything that is common to all routes. The module
 * provides its guards (`APP_GUARD`) in the order in which they run, with `ContractGuard` as the last one. The caller
 * starts to listen and closes the application.
 */
export const createApp = async (
  module: Type | DynamicModule,
  options: HttpOptions,
): Promise<NestFastifyApplication> => {
  const { logger, secretKey, waiter, registry } = options;
  const securityHeaders = await learnSecurityHeaders({
    docs: DOCS_PATH,
    isPage: (url) => isPage(url) || isOperatorsPage(url),
    isBoard,
  });
  const adapter = createAdapter(options, securityHeaders);
  const instance = adapter.getInstance();

  const connections = trackConnections(instance.server, {
    maxPerAddress: options.maxConnectionsPerAddress ?? 1_000,
    isProxy: isProxyOf(options.trustProxy ?? false),
  });
  const arrivals = createArrivals({
    max: options.maxArriving ?? 2_000,
    maxPerAddress: options.maxArrivingPerAddress ?? 128,
  });
  const rateLimits = createRateLimits(options.rateLimits, options.makeLimiter);
  const inFlight = createInFlight({
    max: options.maxInFlight ?? 2_000,
    deadlineMs: options.requestTimeoutMs ?? 10_000,
    readingMs: options.readingMs ?? 60_000,
  });
  const tokens = createPositionTokens(secretKey);
  const consistency = waiter && createConsistency({ waiter, tokens, waitMs: options.consistencyWaitMs ?? 2_000 });
  const idempotency = options.idempotency && createIdempotency({ ...options.idempotency, secretKey, logger });
  const metrics = registry && createHttpMetrics(registry, { inFlight, arrivals, connections });

  const allowed = watchAllowedMethods(instance);
  instance.decorate(PAGE_CURSORS, createSealer(deriveKey(secretKey, 'page cursor')));
  addHooks(instance, {
    logger,
    connections,
    arrivals,
    inFlight,
    rateLimits,
    securityHeaders,
    consistency,
    idempotency,
    metrics,
  });
  drainBeforeClose(instance, connections, options.shutdownGraceMs ?? 10_000);
  addCors(instance, options.corsOrigins ?? []);
  acceptJsonOnly(instance, isWebhook);
  acceptForms(instance, isPage);
  shedLoad(instance, options.maxEventLoopDelayMs ?? 1_000, options.readiness);
  addHealthRoutes(instance, { readiness: options.readiness, registry, metricsToken: options.metricsToken });
  addProblemPages(instance);
  options.addRoutes?.(instance);

  const deps = { rateLimits, consistency, idempotency, accessRecords: options.accessRecords };
  const contract = ContractModule.with(deps, tokens);
  const root: DynamicModule = { module: RootModule, imports: [contract, module] };
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: nestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalPipes(createValidationPipe());
  app.useGlobalFilters(new ProblemFilter(logger, allowed, options.refusals));
  serveDocumentation(app, {
    version: options.version ?? '1',
    publicUrl: options.publicUrl ?? (() => '/'),
    admitOperator: options.admitOperator,
  });
  await app.init();
  await instance.ready();
  return app;
};
