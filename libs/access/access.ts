import { uuidv7 } from '#platform/ids/uuid';

/** The kinds of credentials. `stripe` and `system` have none; `password` is a wrong password for a user. */
export type AccessKind = 'session' | 'password' | 'api-key' | 'operator-token' | 'stripe' | 'system';

/** From where a client sends its requests. */
export interface ClientOrigin {
  /** The IP address; null if it is not known. */
  readonly address: string | null;
  /** The request's `User-Agent`, at most {@link MAX_USER_AGENT} characters; null if the request has none. */
  readonly userAgent: string | null;
}

/** Which credential is used, and from where. */
export interface Access extends ClientOrigin {
  readonly kind: AccessKind;
  /** UUID of the session, API key, operator token, or user of the password; null for kinds without a credential. */
  readonly credentialId: string | null;
}

/** Characters of the user agent that are stored. */
export const MAX_USER_AGENT = 256;

const NO_CLIENT: ClientOrigin = { address: null, userAgent: null };

/** The access of work that Stripe causes. */
export const STRIPE_ACCESS: Access = { kind: 'stripe', credentialId: null, ...NO_CLIENT };
/** The access of work that the product itself begins, such as work at a scheduled time. */
export const SYSTEM_ACCESS: Access = { kind: 'system', credentialId: null, ...NO_CLIENT };

/** The access of the command line. */
export const COMMAND_LINE_ACCESS: Access = { kind: 'operator-token', credentialId: null, ...NO_CLIENT };

/**
 * The parameter `p_access` of the SQL functions that store an access record. It contains the id that the record gets if
 * there is none yet.
 */
export const accessJson = ({ kind, credentialId, address, userAgent }: Access): string =>
  JSON.stringify({ id: uuidv7(), kind, credentialId, address, userAgent });
