import { integer, origins, pairs, publicUrl, secretText, secretTexts } from '../kinds';

/** The settings of the topic "Billing". */
export const BILLING = {
  STRIPE_SECRET_KEY: secretText(/^(sk|rk)_(test|live)_\w+$/, 'a secret key of Stripe: sk_test_…, sk_live_… or rk_…', {
    description:
      'The secret key of Stripe. Unset: the built-in Stripe simulator is used and no money moves. With NODE_ENV=production the simulator is not used, and nothing can be bought.',
    example: 'sk_test_51PqYQd2eZvKYlo2C',
  }),
  STRIPE_WEBHOOK_SECRETS: secretTexts(/^whsec_\S{8,}$/, 'secrets that begin with whsec_', {
    description:
      'The signing secrets of the Stripe webhook, separated by commas. They are required with STRIPE_SECRET_KEY. While a secret is being replaced, set the old and the new one.',
    example: 'whsec_9a8b7c6d5e4f',
  }),
  STRIPE_API_URL: publicUrl({
    description: 'The URL of a proxy or of a Stripe simulator to call in place of https://api.stripe.com.',
    example: 'http://127.0.0.1:3001',
  }),
  STRIPE_SIM_PORT: integer(3001, 0, 65_535, {
    description:
      'The port of the built-in Stripe simulator, which runs while STRIPE_SECRET_KEY and STRIPE_API_URL are unset.',
  }),
  BILLING_RETURN_ORIGINS: origins({
    description:
      'The origins to which the checkout and portal pages of Stripe may send the user back, separated by commas. Unset: the origins of PUBLIC_URL and CORS_ORIGINS.',
    example: 'https://app.example.com',
  }),
  STRIPE_PRICES: pairs({
    description:
      'The price ids at Stripe for the price ids of the plan catalogue, as `<catalogue id>=<Stripe id>`, separated by commas.',
    example: 'price_tenantry_pro_v1=price_1PqYQd2eZvKYlo2C',
  }),
} as const;
