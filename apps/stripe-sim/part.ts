import { join } from 'node:path';
import { createCatalogue } from '../../libs/plans/catalogue';
import { codeOf } from '../../libs/platform/error-code';
import { CannotStart } from '../cannot-start';
import type { Context } from '../context';
import { type StripeSim, startStripeSim } from './start';

/** The Stripe on loopback as a part of the product, while nobody has configured another. */
export const startStripe = async ({ settings, dataDir, stripe, logger }: Context): Promise<StripeSim> => {
  if (!stripe) throw new Error('there is no Stripe to start');
  const starting = startStripeSim({
    port: settings.stripeSimPort,
    dataDir: join(dataDir, 'stripe'),
    secretKey: stripe.secretKey,
    prices: createCatalogue(settings.stripePrices).products,
    webhookSecrets: stripe.webhookSecrets,
    logger,
  });
  return starting.catch((error: unknown) => {
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    throw new CannotStart(
      `STRIPE_SIM_PORT ${settings.stripeSimPort}, of the Stripe on loopback, is taken by another program. Example: STRIPE_SIM_PORT=3002`,
    );
  });
};
