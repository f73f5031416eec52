import type { Sealer } from '../../../libs/platform/seal';
import type { PublicUrl } from '../public-url';

const CONTEXT = 'return from Stripe';
const RETURN_PATH = '/billing/return';

/**
 * Links by which somebody comes back from a page of Stripe's over us: we look at what they did there before their
 * application asks. Sealed, so that nobody makes one that leads elsewhere.
 */
export const createReturning = (sealer: Sealer, publicUrl: PublicUrl) => ({
  urlFor: (tenantId: string, url: string): string => {
    const sealed = sealer.seal(Buffer.from(JSON.stringify({ tenantId, url })), CONTEXT).toString('base64url');
    return `${publicUrl()}${RETURN_PATH}?to=${sealed}`;
  },
  /** Undefined where it is none of ours. */
  open: (token: string): { readonly tenantId: string; readonly url: string } | undefined => {
    const plain = /^[\w-]{1,8192}$/.test(token) ? sealer.open(Buffer.from(token, 'base64url'), CONTEXT) : undefined;
    return plain && JSON.parse(plain.toString('utf8'));
  },
});

export type Returning = ReturnType<typeof createReturning>;
