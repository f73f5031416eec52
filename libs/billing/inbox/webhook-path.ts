export const WEBHOOK_PATH = '/v1/webhooks/stripe';

/**
 * Whether a request is a webhook, whose body stays unparsed bytes: Stripe signs the bytes.
 * @param path with or without a query
 */
export const isWebhook = (path: string): boolean => path.split('?', 1)[0] === WEBHOOK_PATH;
