import type { Mode } from '#billing/inbox/stripe-event';
import { createStripeGateway, isLive, type StripeGateway } from '#billing/stripe/stripe-gateway';
import type { Settings } from '#platform/config/settings';
import { deriveKey } from '#platform/encryption';

export interface StripeSettings {
  readonly secretKey: string;
  readonly webhookSecrets: readonly string[];
  /** Undefined: https://api.stripe.com. */
  readonly url: string | undefined;
  /** True if no Stripe is configured: the built-in Stripe simulator on loopback is used in its place. */
  readonly embedded: boolean;
}

/**
 * A secret for the simulator, equal in every process of an installation, so that a worker can use an API's simulator.
 */
const simulatorSecret = (secretKey: Buffer, purpose: string): string =>
  deriveKey(secretKey, purpose)
    .toString('base64url')
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(0, 24);

/**
 * The Stripe that this installation uses. Undefined in production without STRIPE_SECRET_KEY: with the simulator,
 * tenants would get plans without a payment.
 */
export const stripeSettings = (settings: Settings, secretKey: Buffer): StripeSettings | undefined => {
  const { stripeSecretKey, stripeWebhookSecrets, stripeApiUrl, stripeSimPort, nodeEnv } = settings;
  if (stripeSecretKey)
    return { secretKey: stripeSecretKey, webhookSecrets: stripeWebhookSecrets, url: stripeApiUrl, embedded: false };
  if (nodeEnv === 'production') return undefined;
  return {
    secretKey: `sk_test_${simulatorSecret(secretKey, 'key of the Stripe on loopback')}`,
    webhookSecrets: [`whsec_${simulatorSecret(secretKey, 'webhook secret of the Stripe on loopback')}`],
    url: stripeApiUrl ?? `http://127.0.0.1:${stripeSimPort}`,
    embedded: stripeApiUrl === undefined,
  };
};

/** Identifies the events of this installation in the inbox, where events of other modes may be stored as well. */
export const modeOf = (stripe: StripeSettings | undefined): Mode => ({
  account: '',
  livemode: stripe === undefined || isLive(stripe.secretKey),
});

/** The gateway to Stripe, and the mode of its events. */
export const openGateway = (stripe: StripeSettings): { readonly gateway: StripeGateway; readonly mode: Mode } => {
  const gateway = createStripeGateway({ secretKey: stripe.secretKey, url: stripe.url });
  return { gateway, mode: modeOf(stripe) };
};
