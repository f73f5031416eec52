import { WEBHOOK_PATH } from '#billing/inbox/webhook-path';
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

/** Beyond the grace that a part gives to what is under way: for closing its connections. */
const CLOSE_MS = 5_000;

const main = async (): Promise<void> => {
  const settings = loadSettings(readEnvironment(process.cwd()));
  const logger = createLogger({ level: settings.logLevel, format: settings.logFormat });
  const lifecycle = createLifecycle(logger);
  try {
    await run(settings, logger, lifecycle);
  } catch (error) {
    // Whatever fails because everything is being stopped is no failure.
    if (lifecycle.stopping) return;
    complain(error);
    await lifecycle.stop(1);
  }
};

const run = async (settings: Settings, logger: Logger, lifecycle: Lifecycle): Promise<void> => {
  /** From here on whatever `opening` leads to is closed in its turn, also when a signal comes before it is there. */
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
  const isOurOwn = settings.role !== 'worker' && runtime.stripe?.embedded === true;
  const stripe = isOurOwn ? await open('the Stripe on loopback', startStripe(runtime), (it) => it.stop()) : undefined;
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
  lifecycle.add('the notice of the stop', () => announceStop({ readiness, phase, noticeMs }), noticeMs + CLOSE_MS);
  phase.started();
  await waitUntilReady({
    readiness,
    isStopping: () => lifecycle.stopping,
    onNotReady: (failing) => process.stdout.write(notReadyBannerFor(api?.url ?? worker?.url, failing)),
  });
  if (lifecycle.stopping) return;
  process.stdout.write(api?.url ? bannerFor(api.url, stripe?.url) : workerBannerFor(worker?.url));
};

// Loaded only where they run: a worker needs no HTTP.
const startStripe = async (runtime: Runtime): Promise<StripePart> =>
  (await import('./stripe-sim/part.js')).startStripe(runtime);
const startApi = async (runtime: Runtime): Promise<Part> => (await import('./api/start.js')).startApi(runtime);
/** While the API is loaded the process answers nothing for seconds, and would give up every connection of the worker. */
const startWorkerAfter = async (api: Promise<Part> | undefined, runtime: Runtime): Promise<Part> => {
  await api;
  return (await import('./worker/start.js')).startWorker(runtime);
};

/** A fault that an operator can correct is printed as a sentence; an error in the code is printed with its stack. */
const complain = (error: unknown): void => {
  const told =
    error instanceof Error && /^(SettingsError|DatabaseSetupError|EmbeddedPostgresError|CannotStart)$/.test(error.name);
  const text = told ? error.message : redact(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.stderr.write(`\nTenantry cannot start: ${text}\n\n`);
};

main().catch((error: unknown) => {
  complain(error);
  process.exitCode = 1;
});
