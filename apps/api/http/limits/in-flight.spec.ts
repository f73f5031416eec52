import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createMetricsRegistry } from '#platform/metrics';
import { eventually, openRaw } from '../testing/raw-client';
import { createToyApp, script } from '../testing/toy-app';

const HEAD = 'POST /v1/webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

describe('the count of requests in flight', () => {
  let app: NestFastifyApplication;
  let port: number;
  beforeAll(async () => {
    app = await createToyApp({ requestTimeoutMs: 500, registry: createMetricsRegistry() });
    await app.listen(0, '127.0.0.1');
    port = (app.getHttpServer().address() as AddressInfo).port;
  });
  afterAll(() => app.close());
  afterEach(() => script.reset());

  const open = (bytes: string): Socket => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('error', () => undefined).resume();
    return socket;
  };
  /** Requests in flight and arriving bodies, without the request that reads the metrics. */
  const countRequests = async (): Promise<number> => {
    const { body } = await app.inject({ url: '/metrics' });
    const [inFlight, arriving] = ['http_requests_in_flight', 'http_bodies_arriving'].map((name) =>
      Number(new RegExp(`^${name} (\\d+)`, 'm').exec(body)?.[1]),
    );
    return Number(inFlight) - 1 + Number(arriving);
  };
  const countWhenSettled = async (): Promise<number> => {
    for (let attempt = 0; attempt < 40; attempt++) {
      if ((await countRequests()) === 0) return 0;
      await sleep(50);
    }
    return countRequests();
  };

  it.each<[string, string, number]>([
    ['disconnects while it waits for its answer', 'GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n', 50],
    ['disconnects in the middle of its body', `${HEAD}Content-Length: 100\r\n\r\n{`, 50],
    ['disconnects in the middle of a chunk', `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{`, 50],
    ['never sends the rest of its body', `${HEAD}Content-Length: 100\r\n\r\n{`, 1_500],
    ['sends a malformed chunk', `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 50],
    ['declares a body that is too large', `${HEAD}Content-Length: 1000000\r\n\r\n{`, 50],
    ['sends a longer body than it declared', `${HEAD}Content-Length: 2\r\n\r\n{}{}{}{}`, 50],
    ['sends several requests at once and disconnects', 'GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5), 50],
  ])('does not keep the request of a client that %s', async (_, bytes, ms) => {
    script.during = () => sleep(200);
    const socket = open(bytes);
    await sleep(ms);
    socket.destroy();
    expect(await countWhenSettled()).toBe(0);
  });

  it('does not keep the request of a client that disconnected before its answer was ready', async () => {
    script.during = async (context) => {
      await sleep(100);
      throw new Error(`late ${context.requestId}`);
    };
    const socket = open('GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await sleep(50);
    socket.destroy();
    expect(await countWhenSettled()).toBe(0);
  });
});

jest.setTimeout(90_000);

describe('an answer that the client does not read', () => {
  it('does not count as a request in flight, and its connection is closed after the reading time', async () => {
    const app = await createToyApp({ maxInFlight: 1, readingMs: 1_500, registry: createMetricsRegistry() });
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    // More than the operating system's buffers of a connection can hold.
    script.during = async () => ({ text: 'x'.repeat(64 * 1024 * 1024) });
    const slowReader = openRaw(port, 'GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n');
    slowReader.socket.pause();
    const inFlight = async (): Promise<number> =>
      Number(/^http_requests_in_flight (\d+)/m.exec((await app.inject({ url: '/metrics' })).body)?.[1]);
    const connections = async (): Promise<number> =>
      Number(/^http_connections (\d+)/m.exec((await app.inject({ url: '/metrics' })).body)?.[1]);
    await eventually(async () => (await connections()) === 1);
    await eventually(
      async () => (await app.inject({ url: '/v1/open' })).statusCode === 200 && (await inFlight()) === 1,
    );
    await eventually(async () => (await connections()) === 0);
    slowReader.socket.destroy();
    script.reset();
    await app.close();
  });
});
