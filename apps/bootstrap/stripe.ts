import type { Mode } from '#billing/inbox/stripe-event';
import { createStripeGateway, isLive, type StripeGateway } from '#billing/stripe/stripe-gateway';
import type { Settings } from '#platform/config/settings';
import { deriveKey } from '#platform/encryption';

export interface StripeSettings {
  readonly secretKey: string;
  readonly webhookSecrets: readonly string[];
  /** Undefined: Stripe's own address. */
  readonly url: string | undefined;
  /** Nobody configured one: a Stripe of our own on loopback takes its place. */
  readonly embedded: boolean;
}

/** The same in every process of an installation, so that a worker knows the Stripe on loopback that an API has started. */
const ofOurOwn = (secretKey: Buffer, purpose: string): string =>
  deriveKey(secretKey, purpose)
    .toString('base64url')
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(0, 24);

/**
 * Which Stripe this installation has. In production there is none without a key: the one on loopback takes nobody's money.
 */
export const stripeSettings = (settings: Settings, secretKey: Buffer): StripeSettings | undefined => {
  const { stripeSecretKey, stripeWebhookSecrets, stripeApiUrl, stripeSimPort, nodeEnv } = settings;
  if (stripeSecretKey)
    return { secretKey: stripeSecretKey, webhookSecrets: stripeWebhookSecrets, url: stripeApiUrl, embedded: false };
  if (nodeEnv === 'production') return undefined;
  return {
    secretKey: `sk_test_${ofOurOwn(secretKey, 'key of the Stripe on loopback')}`,
    webhookSecrets: [`whsec_${ofOurOwn(secretKey, 'webhook secret of the Stripe on loopback')}`],
    url: stripeApiUrl ?? `http://127.0.0.1:${stripeSimPort}`,
    embedded: stripeApiUrl === undefined,
  };
};

/** Which events are this installation's; without a Stripe it has none. */
export const modeOf = (stripe: StripeSettings | undefined): Mode => ({
  account: '',
  livemode: stripe === undefined || isLive(stripe.secretKey),
});

/** The gateway, and which mode its events are of. */
export const openGateway = (stripe: StripeSettings): { readonly gateway: StripeGateway; readonly mode: Mode } => {
  const gateway = createStripeGateway({ secretKey: stripe.secretKey, url: stripe.url });
  return { gateway, mode: modeOf(stripe) };
};
