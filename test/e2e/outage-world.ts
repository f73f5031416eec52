import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLoad } from '../chaos/client';
import { databaseTarget, startProxy } from '../support/tcp-proxy';
import { type Answer, PASSWORD, rename, send, signUp } from './http';
import { openSystem } from './system';

/** Longest time for an answer: REQUEST_TIMEOUT_MS, and 2 s for a busy machine. */
const MAX_ANSWER_MS = 10_000 + 2_000;
/** For a busy machine: docs/reliability.md promises 10 s on one that has time. */
const MAX_RECOVERY_MS = 60_000;

/** The summary of a 503: a problem document, with the time to wait before a repeat. */
const UNAVAILABLE = { status: 503, type: '/problems/dependency-unavailable', retryAfter: true, problem: true };

const summaryOf = ({ status, headers, body }: Answer) => ({
  status,
  type: body.type,
  retryAfter: Number(headers.get('retry-after')) >= 1,
  problem: /^application\/problem\+json/.test(headers.get('content-type') ?? ''),
});

/** Starts one process of the product under constant load, with a proxy between it and its database. */
export const openOutageWorld = async () => {
  const system = await openSystem();
  const proxy = await startProxy(databaseTarget(system.databaseUrl));
  const product = system.start({ DATABASE_URL: proxy.through(system.databaseUrl) });
  const url = await product.ready();
  const account = await signUp(url);
  const load = startLoad({ clients: 12, atOnce: 4, url });

  /**
   * Sends requests to routes with and without use of the database. Routes without answer as usual. The others answer
   * 503 within {@link MAX_ANSWER_MS}; if the outage is `partial`, they may also succeed.
   */
  const checkAnswers = async (outage: 'total' | 'partial'): Promise<void> => {
    const { token, email } = account;
    const withDatabase = {
      read: send(url, '/v1/tenant', { token }),
      me: send(url, '/v1/me', { token }),
      write: rename(url, token, 'Outage'),
      'write with a key': rename(url, token, 'Outage', { 'idempotency-key': randomUUID() }),
      'sign-in': send(url, '/v1/sessions', { method: 'POST', body: { email, password: PASSWORD } }),
      'sign-up': send(url, '/v1/signup', {
        method: 'POST',
        body: { companyName: 'Late', personName: 'Late', email: `${randomUUID()}@example.com`, password: PASSWORD },
      }),
    };
    const withoutDatabase = {
      401: send(url, '/v1/tenant'),
      404: send(url, '/v1/nowhere'),
      400: send(url, '/v1/signup', { method: 'POST', body: { companyName: 1 } }),
      200: send(url, '/healthz'),
    };
    // The result of a readiness check is reused for a moment.
    await sleep(300);
    const ready = await send(url, '/readyz');
    if (outage === 'total') {
      expect(ready.body).toMatchObject({ type: '/problems/dependency-unavailable', status: 503 });
      expect(ready.body.missing).toContain('database');
      expect(ready.body.missing).toContain('event log');
    }
    for (const [status, request] of Object.entries(withoutDatabase))
      expect((await request).status).toBe(Number(status));
    for (const [name, request] of Object.entries(withDatabase)) {
      const answer = await request;
      if (outage === 'total' || answer.status >= 300) expect([name, summaryOf(answer)]).toEqual([name, UNAVAILABLE]);
      expect(answer.ms).toBeLessThan(MAX_ANSWER_MS);
    }
  };

  /** Waits until two rounds of concurrent writes and reads succeed in sequence, and the product is ready. */
  const waitForRecovery = async (): Promise<void> => {
    const end = performance.now() + MAX_RECOVERY_MS;
    for (let successes = 0; successes < 2; ) {
      const round = await Promise.all(Array.from({ length: 4 }, () => roundTrip()));
      successes = round.every((it) => it === 'ok') ? successes + 1 : 0;
      if (performance.now() > end)
        throw new Error(`not recovered after ${MAX_RECOVERY_MS} ms: ${round}\n${product.output().slice(-3_000)}`);
      if (successes === 0) await sleep(50);
    }
    while ((await send(url, '/readyz')).status !== 200) {
      if (performance.now() > end) throw new Error(`not ready after ${MAX_RECOVERY_MS} ms`);
      await sleep(50);
    }
  };

  /** Renames the tenant and reads it at the position of the write. Resolves to `ok`, or to the request that failed. */
  const roundTrip = async (): Promise<string> => {
    const written = await rename(url, account.token, `Back ${randomUUID()}`, { 'idempotency-key': randomUUID() });
    if (written.status !== 200) return `write ${written.status}`;
    const headers = { 'if-position': written.headers.get('position') ?? '' };
    const read = await send(url, '/v1/tenant', { token: account.token, headers });
    return read.status === 200 ? 'ok' : `read ${read.status}`;
  };

  return {
    ...{ system, proxy, product, url, load, checkAnswers, waitForRecovery, roundTrip },
    close: async (): Promise<void> => {
      await proxy.close();
      await system.close();
    },
  };
};
export type OutageWorld = Awaited<ReturnType<typeof openOutageWorld>>;
