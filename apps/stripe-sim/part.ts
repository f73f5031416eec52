import { join } from 'node:path';
import { createCatalogue } from '#plans/catalogue/index';
import { codeOf } from '#platform/error-code';
import { sleep } from '#platform/loops/backoff';
import type { Context } from '../bootstrap/context';
import { CannotStart } from '../bootstrap/process/cannot-start';
import { type StripeSim, startStripeSim } from './start';

/** The functions of the simulator that the product uses. */
export type StripePart = Pick<StripeSim, 'url' | 'deliverTo' | 'stop'>;

/** Maximum ms for one request that checks the simulator of another process. */
const PROBE_MS = 3_000;
/** Maximum ms for all these requests: on a busy machine the other process may still be starting. */
const PATIENCE_MS = 20_000;

/**
 * Starts the Stripe simulator as a part of the product, if Stripe is not configured. Of several processes on one
 * machine the first one runs it, and the others use it. It sends webhooks to the first process only, which is enough.
 * @throws CannotStart another program uses the port; the message says what to change
 */
export const startStripe = async ({ settings, dataDir, stripe, logger }: Context): Promise<StripePart> => {
  if (!stripe) throw new Error('the context has no settings for the Stripe simulator');
  const port = settings.stripeSimPort;
  try {
    return await startStripeSim({
      port,
      dataDir: join(dataDir, 'stripe'),
      secretKey: stripe.secretKey,
      prices: createCatalogue(settings.stripePrices).products,
      webhookSecrets: stripe.webhookSecrets,
      logger,
    });
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    const url = `http://127.0.0.1:${port}`;
    if (await isOwnSimulator(url, stripe.secretKey)) {
      logger.info(`using the Stripe simulator of another process at ${url}`);
      return { url, deliverTo: () => undefined, stop: async () => undefined };
    }
    throw new CannotStart(
      `STRIPE_SIM_PORT ${port} of the Stripe simulator is in use by another program; choose another port. Example: STRIPE_SIM_PORT=3002`,
    );
  }
};

/**
 * Whether the simulator of this installation answers: only that one accepts the key, which is derived from SECRET_KEY.
 */
const isOwnSimulator = async (url: string, secretKey: string): Promise<boolean> => {
  const headers = { authorization: `Bearer ${secretKey}` };
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(100)) {
    try {
      return (await fetch(`${url}/v1/account`, { headers, signal: AbortSignal.timeout(PROBE_MS) })).ok;
    } catch {
      // The simulator does not answer yet, so the request is repeated.
    }
  }
  return false;
};
