import type { Sealer } from '#platform/encryption';
import type { PublicUrl } from '../../core/public-url';

const CONTEXT = 'return from Stripe';
/** ms for which a link leads on: a page of checkout can be paid for a day. */
const KEPT_MS = 2 * 86_400_000;
const RETURN_PATH = '/billing/return';

/** Whether it is where a browser comes back to from a page of Stripe's. @param path with or without a query */
export const isReturn = (path: string): boolean => path.split('?', 1)[0] === RETURN_PATH;

/**
 * Links by which somebody comes back from a page of Stripe's over us: we look at what they did there before their
 * application asks. Sealed, so that nobody makes one that leads elsewhere.
 */
export const createReturnLink = (sealer: Sealer, publicUrl: PublicUrl, now: () => number = Date.now) => ({
  urlFor: (tenantId: string, url: string): string => {
    const link = JSON.stringify({ tenantId, url, until: now() + KEPT_MS });
    const sealed = sealer.seal(Buffer.from(link), CONTEXT).toString('base64url');
    return `${publicUrl()}${RETURN_PATH}?to=${sealed}`;
  },
  /** Undefined where it is none of ours, or too old. */
  open: (token: string): { readonly tenantId: string; readonly url: string } | undefined => {
    const plain = /^[\w-]{1,8192}$/.test(token) ? sealer.open(Buffer.from(token, 'base64url'), CONTEXT) : undefined;
    const link = plain && JSON.parse(plain.toString('utf8'));
    return link?.until > now() ? { tenantId: link.tenantId, url: link.url } : undefined;
  },
});

export type ReturnLink = ReturnType<typeof createReturnLink>;
