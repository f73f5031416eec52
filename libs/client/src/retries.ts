export interface RetryOptions {
  /** How many times a request is repeated; 3 by default. */
  readonly retries: number;
  /** Waits this time in ms. */
  readonly sleep: (ms: number) => Promise<void>;
}

export type Send = (request: Request) => Promise<Response>;

/** The longest wait in ms between two attempts. */
const MAX_WAIT_MS = 10_000;
const FIRST_WAIT_MS = 200;

/** True if the same request may succeed later: too many requests, not available, or its first attempt still runs. */
const isTemporary = ({ status, headers }: Response): boolean =>
  status === 429 || status === 503 || (status === 409 && headers.has('retry-after'));

/** ms to wait before the next attempt: what the server asks for, or a random part of a time that doubles. */
const waitOf = (attempt: number, response: Response | undefined): number => {
  const seconds = Number(response?.headers.get('retry-after') ?? Number.NaN);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Math.random() * FIRST_WAIT_MS * 2 ** attempt;
  return Math.min(ms, MAX_WAIT_MS);
};

/**
 * Repeats requests that did not reach the server or that it could not answer at the moment. Every write has an
 * `Idempotency-Key`, the same for each attempt, so that it takes effect once.
 */
export const withRetries =
  (send: Send, { retries, sleep }: RetryOptions): Send =>
  async (request) => {
    const isWrite = request.method !== 'GET' && request.method !== 'HEAD';
    if (isWrite && !request.headers.has('idempotency-key'))
      request.headers.set('idempotency-key', globalThis.crypto.randomUUID());
    for (let attempt = 0; ; attempt++) {
      let response: Response | undefined;
      try {
        response = await send(request.clone());
        if (attempt >= retries || !isTemporary(response)) return response;
      } catch (error) {
        if (attempt >= retries || request.signal.aborted) throw error;
      }
      await sleep(waitOf(attempt, response));
    }
  };
