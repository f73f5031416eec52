import { WEBHOOK_PATH } from '#billing/inbox/webhook-path';
import { misspelledSettings } from '#platform/config/misspelled';
import { loadSettings, readEnvironment, type Settings } from '#platform/config/settings';
import { createLogger, type Logger, redact } from '#platform/logging/logging';
import type { Part } from './bootstrap/context';
import { prepareContext } from './bootstrap/database/database';
import { reportNewerEvents } from './bootstrap/newer-events';
import { bannerFor, notReadyBannerFor, workerBannerFor } from './bootstrap/process/banner';
import { createLifecycle, type Lifecycle } from './bootstrap/process/lifecycle';
import { announceStop, waitUntilReady } from './bootstrap/process/start-up';
import { openRuntime, type Runtime } from './bootstrap/runtime';
import type { StripePart } from './stripe-sim/part';

/** ms for a part to close its connections, in addition to the grace period for its work in progress. */
const CLOSE_MS = 5_000;

const main = async (): Promise<void> => {
  const environment = readEnvironment(process.cwd());
  const misspelled = misspelledSettings(environment);
  const settings = loadSettings(environment, misspelled);
  const logger = createLogger({ level: settings.logLevel, format: settings.logFormat });
  for (const sentence of misspelled) logger.warn(sentence);
  const lifecycle = createLifecycle(logger);
  try {
    await run(settings, logger, lifecycle);
  } catch (error) {
    // A start that fails because the process is already stopping is not an error.
    if (lifecycle.stopping) return;
    printStartError(error);
    await lifecycle.stop(1);
  }
};

const run = async (settings: Settings, logger: Logger, lifecycle: Lifecycle): Promise<void> => {
  /**
   * Registers the result of `opening` to be closed when the process stops, also if a signal arrives before it is open.
   */
  const open = <T>(name: string, opening: Promise<T>, close: (opened: T) => Promise<void>): Promise<T> => {
    const stop = async (): Promise<void> => {
      const [result] = await Promise.allSettled([opening]);
      if (result.status === 'fulfilled') await close(result.value);
    };
    lifecycle.add(name, stop, settings.shutdownGraceMs + CLOSE_MS);
    return opening;
  };
  const stop = (part: Part): Promise<void> => part.stop();

  const context = await prepareContext(settings, logger, lifecycle);
  if (lifecycle.stopping) return;
  const runtime = await open('the event log', openRuntime(context), (it) => it.close());
  if (lifecycle.stopping) return;
  await reportNewerEvents(runtime);
  const needsSimulator = settings.role !== 'worker' && runtime.stripe?.embedded === true;
  const stripe = needsSimulator
    ? await open('the Stripe simulator', startStripe(runtime), (it) => it.stop())
    : undefined;
  if (lifecycle.stopping) return;
  const parts: Runtime =
    runtime.stripe && stripe ? { ...runtime, stripe: { ...runtime.stripe, url: stripe.url } } : runtime;
  const startingApi = settings.role === 'worker' ? undefined : startApi(parts);
  const startingWorker = settings.role === 'api' ? undefined : startWorkerAfter(startingApi, parts);
  const [worker, api] = await Promise.all([
    startingWorker && open('the worker', startingWorker, stop),
    startingApi && open('the API', startingApi, stop),
  ]);
  if (lifecycle.stopping) return;
  if (api?.url) stripe?.deliverTo(`${api.url}${WEBHOOK_PATH}`);
  const { readiness, phase } = runtime;
  const noticeMs = settings.shutdownNoticeMs;
  lifecycle.add(
    'the notice for load balancers',
    () => announceStop({ readiness, phase, noticeMs }),
    noticeMs + CLOSE_MS,
  );
  phase.started();
  await waitUntilReady({
    readiness,
    isStopping: () => lifecycle.stopping,
    onNotReady: (failing) => process.stdout.write(notReadyBannerFor(api?.url ?? worker?.url, failing)),
  });
  if (lifecycle.stopping) return;
  process.stdout.write(api?.url ? bannerFor(api.url, stripe?.url) : workerBannerFor(worker?.url));
};

// Each part is loaded only where it runs, because loading takes time. A worker, for example, does not need the API.
const startStripe = async (runtime: Runtime): Promise<StripePart> =>
  (await import('./stripe-sim/part.js')).startStripe(runtime);
const startApi = async (runtime: Runtime): Promise<Part> => (await import('./api/start.js')).startApi(runtime);
/** After the API: loading the API blocks the process for seconds, in which the worker's connections would time out. */
const startWorkerAfter = async (api: Promise<Part> | undefined, runtime: Runtime): Promise<Part> => {
  await api;
  return (await import('./worker/start.js')).startWorker(runtime);
};

/** Prints an error that an operator can correct as a sentence, and any other error with its stack. */
const printStartError = (error: unknown): void => {
  const isForOperator =
    error instanceof Error && /^(SettingsError|DatabaseSetupError|EmbeddedPostgresError|CannotStart)$/.test(error.name);
  const text = isForOperator
    ? error.message
    : redact(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.stderr.write(`\nTenantry cannot start: ${text}\n\n`);
};

main().catch((error: unknown) => {
  printStartError(error);
  process.exitCode = 1;
});
