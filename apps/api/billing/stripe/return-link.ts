import type { Sealer } from '#platform/encryption';
import type { PublicUrl } from '../../core/public-url';

const CONTEXT = 'return from Stripe';
/** ms for which a link is valid. A checkout page can be paid for one day. */
const VALID_MS = 2 * 86_400_000;
const RETURN_PATH = '/billing/return';

/** Whether a path is the one to which Stripe's pages return a browser. @param path with or without a query */
export const isReturn = (path: string): boolean => path.split('?', 1)[0] === RETURN_PATH;

/**
 * Links on which a browser returns from a page of Stripe. They lead to this server first, so that the result of a
 * payment is known here before the application requests it. The content of a link is encrypted and authenticated, so
 * that a forged link cannot redirect a browser to another site.
 */
export const createReturnLink = (sealer: Sealer, publicUrl: PublicUrl, now: () => number = Date.now) => ({
  /** The link that redirects to `url`. */
  urlFor: (tenantId: string, url: string): string => {
    const link = JSON.stringify({ tenantId, url, until: now() + VALID_MS });
    const sealed = sealer.seal(Buffer.from(link), CONTEXT).toString('base64url');
    return `${publicUrl()}${RETURN_PATH}?to=${sealed}`;
  },
  /** The content of a link by its token; undefined: the link was not created here, or has expired. */
  open: (token: string): { readonly tenantId: string; readonly url: string } | undefined => {
    const plain = /^[\w-]{1,8192}$/.test(token) ? sealer.open(Buffer.from(token, 'base64url'), CONTEXT) : undefined;
    const link = plain && JSON.parse(plain.toString('utf8'));
    return link?.until > now() ? { tenantId: link.tenantId, url: link.url } : undefined;
  },
});

export type ReturnLink = ReturnType<typeof createReturnLink>;
