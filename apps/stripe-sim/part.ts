import { join } from 'node:path';
import { createCatalogue } from '#plans/catalogue/index';
import { codeOf } from '#platform/error-code';
import { sleep } from '#platform/loops/backoff';
import type { Context } from '../bootstrap/context';
import { CannotStart } from '../bootstrap/process/cannot-start';
import { type StripeSim, startStripeSim } from './start';

/** The part of it that the product knows. */
export type StripePart = Pick<StripeSim, 'url' | 'deliverTo' | 'stop'>;

/** ms in which a Stripe on loopback says who it is; and for which it is asked: it may be about to start, on a busy machine. */
const PROBE_MS = 3_000;
const PATIENCE_MS = 20_000;

/**
 * The Stripe on loopback as a part of the product, while nobody has configured another. Of several processes on one machine
 * the first one has it, and the others use it: it tells one of them, and that is enough.
 */
export const startStripe = async ({ settings, dataDir, stripe, logger }: Context): Promise<StripePart> => {
  if (!stripe) throw new Error('there is no Stripe to start');
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
    if (await isOurs(url, stripe.secretKey)) {
      logger.info(`using the Stripe simulator of another process at ${url}`);
      return { url, deliverTo: () => undefined, stop: async () => undefined };
    }
    throw new CannotStart(
      `STRIPE_SIM_PORT ${port} of the Stripe simulator is in use by another program; choose another port. Example: STRIPE_SIM_PORT=3002`,
    );
  }
};

/** Whether the Stripe of this very installation is there: it takes the key that derives from the secret key of all. */
const isOurs = async (url: string, secretKey: string): Promise<boolean> => {
  const headers = { authorization: `Bearer ${secretKey}` };
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(100)) {
    try {
      return (await fetch(`${url}/v1/account`, { headers, signal: AbortSignal.timeout(PROBE_MS) })).ok;
    } catch {
      // Nobody has answered yet.
    }
  }
  return false;
};
