import createClient, { type Client } from 'openapi-fetch';
import { type Send, withRetries } from './retries.js';
import type { paths } from './schema.js';
import { withSession } from './sessions.js';
import { createMemoryTokens, type TokenStore } from './tokens.js';

export interface TenantryOptions {
  /** URL of the API, such as `https://api.example.com`. */
  readonly baseUrl: string;
  /** Where the tokens of the session are kept; in memory by default. */
  readonly tokens?: TokenStore;
  /** How many times a request is repeated that the server could not answer at the moment; 3 by default. */
  readonly retries?: number;
  /** Sends one request; the global `fetch` by default. */
  readonly fetch?: Send;
}

/**
 * A client with one method for each HTTP method, such as `client.GET('/v1/projects')`. Each returns `data` or `error`, the
 * problem document, and the `response`.
 */
export type TenantryClient = Client<paths>;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Creates a client of the Tenantry API. It repeats requests with idempotency keys, keeps the tokens of the session that
 * it opens, refreshes them when they have expired, and reads what it has written before.
 */
export const createTenantryClient = ({
  baseUrl,
  tokens = createMemoryTokens(),
  retries = 3,
  fetch = (request) => globalThis.fetch(request),
}: TenantryOptions): TenantryClient => {
  const url = baseUrl.replace(/\/+$/, '');
  const send = withSession(withRetries(fetch, { retries, sleep }), { baseUrl: url, tokens });
  return createClient<paths>({ baseUrl: url, fetch: send });
};
