import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { mayReadMetrics } from '#platform/metrics';
import { Problem } from '#platform/problems';
import type { Readiness } from '#platform/readiness/readiness';
import { cannotListen } from '../bootstrap/process/cannot-listen';
import { describeFailing } from '../bootstrap/readiness/readiness';

export interface ProbesOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** What `/readyz` reports. */
  readonly readiness: Pick<Readiness, 'failing'>;
  /** Undefined: no `/metrics`. */
  readonly registry: Registry | undefined;
  /** The token that `/metrics` requires. Undefined: none. */
  readonly metricsToken?: string | undefined;
}

/** Maximum time in ms for a request to arrive; each has only a few lines. */
const REQUEST_MS = 5_000;
/** ms for which a stop waits for open answers. */
const CLOSE_MS = 1_000;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const json = (status: number, body: object, type = 'application/json'): Answer => ({
  status,
  type: `${type}; charset=utf-8`,
  body: JSON.stringify(body),
});

/**
 * Starts the HTTP server of a worker that serves no API: `/healthz`, `/readyz` and `/metrics`, with the same answers as
 * the API.
 * @throws CannotStart the address cannot be used; the message says what to change
 */
export const startProbes = async ({ host, port, readiness, registry, metricsToken }: ProbesOptions) => {
  const ready = async (): Promise<Answer> => {
    const failing = await readiness.failing();
    if (failing.length === 0) return json(200, { status: 'ready' });
    const { detail, missing } = describeFailing(failing);
    const { type, title, status } = new Problem('dependency-unavailable');
    return json(status, { type, title, status, detail, missing, failing }, 'application/problem+json');
  };
  const problem = (name: 'not-found' | 'unauthenticated'): Answer => {
    const { type, title, status } = new Problem(name);
    return json(status, { type, title, status }, 'application/problem+json');
  };
  const answerTo = async (path: string, authorization: string | undefined): Promise<Answer> => {
    if (path === '/healthz') return json(200, { status: 'ok' });
    if (path === '/readyz') return ready();
    if (path !== '/metrics' || !registry) return problem('not-found');
    if (!mayReadMetrics(authorization, metricsToken)) return problem('unauthenticated');
    return { status: 200, type: registry.contentType, body: await registry.metrics() };
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { status, type, body } = await answerTo(request.url?.split('?')[0] ?? '/', request.headers.authorization);
    const retry = {
      ...(status === 503 && { 'retry-after': '1' }),
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    };
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...retry });
    response.end(request.method === 'HEAD' ? undefined : body);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.requestTimeout = REQUEST_MS;
  server.headersTimeout = REQUEST_MS;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw cannotListen(error, { host, port, setting: 'WORKER_PORT' });
  }
  const { port: actualPort } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    /** Stops the server. Open answers are finished, for a second at most. */
    close: async (): Promise<void> => {
      const closed = new Promise((resolve) => server.close(resolve));
      const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
};
