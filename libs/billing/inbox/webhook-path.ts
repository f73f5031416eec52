export const WEBHOOK_PATH = '/v1/webhooks/stripe';

/** Where the body is signed: it is taken as the bytes that it is. */
export const isWebhook = (path: string): boolean => path.split('?', 1)[0] === WEBHOOK_PATH;
