import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createMetricsRegistry } from '#platform/metrics';
import type { HttpOptions } from '../server/options';
import { eventually, openRaw, type RawClient } from '../testing/raw-client';
import { createToyApp, script } from '../testing/toy-app';

const HEAD = 'POST /v1/webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n';
const UNFINISHED = `${HEAD}\r\n{`;
const WHOLE =
  'POST /v1/webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}';
const READ = 'GET /v1/open HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const [ATTACKER, OTHER] = ['127.0.0.1', '127.0.0.2'];

jest.setTimeout(90_000);

describe('unfinished request bodies', () => {
  let app: NestFastifyApplication;
  let port: number;
  let clients: RawClient[];

  const start = async (options: Partial<HttpOptions> = {}): Promise<void> => {
    // On a slow machine, load shedding and deadlines would refuse requests, too; they are switched off for this test.
    const withoutOtherLimits = { requestTimeoutMs: 60_000, maxEventLoopDelayMs: 0 };
    app = await createToyApp({ registry: createMetricsRegistry(), ...withoutOtherLimits, ...options });
    await app.listen(0, '127.0.0.1');
    port = (app.getHttpServer().address() as AddressInfo).port;
  };
  const open = (bytes: string, from = ATTACKER): RawClient => {
    const client = openRaw(port, bytes, from);
    clients.push(client);
    return client;
  };
  const flood = (count: number, bytes = UNFINISHED): RawClient[] => Array.from({ length: count }, () => open(bytes));
  const metric = async (name: string): Promise<number> => {
    const { body } = await app.inject({ url: '/metrics' });
    return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(body)?.[1]);
  };
  const answerOf = async (bytes: string, from: string): Promise<number | undefined> => {
    const client = open(bytes, from);
    await eventually(client.closed);
    return client.statuses()[0];
  };

  beforeEach(() => {
    clients = [];
  });
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy();
    script.reset();
    await app.close();
  });

  it('of one address do not block other addresses', async () => {
    await start({ maxInFlight: 200 });
    const sent = flood(300);
    await eventually(() => sent.every(({ socket }) => !socket.connecting));
    expect(await answerOf(WHOLE, OTHER)).toBe(201);
    expect(await answerOf(READ, OTHER)).toBe(200);
    await eventually(() => sent.filter(({ closed }) => closed()).length >= 300 - 128);
    expect(await metric('http_bodies_arriving')).toBeLessThanOrEqual(128);
    flood(100);
    expect(await answerOf(WHOLE, OTHER)).toBe(201);
  });

  it('above the limit of their address are refused with a problem that names the limit', async () => {
    await start({ maxArrivingPerAddress: 3 });
    flood(3);
    await eventually(async () => (await metric('http_bodies_arriving')) === 3);
    const refused = open(UNFINISHED);
    await eventually(refused.closed);
    expect(refused.received()).toMatch(/^HTTP\/1.1 429 /);
    expect(refused.received()).toMatch(/^retry-after: 1/im);
    expect(refused.received()).toMatch(/has 3 requests with unfinished bodies/);
    expect(await answerOf(READ, ATTACKER)).toBe(200);
    clients[0]?.socket.destroy();
    await eventually(async () => (await metric('http_bodies_arriving')) === 2);
    expect(await answerOf(WHOLE, ATTACKER)).toBe(201);
  });

  it('no longer count once they have arrived', async () => {
    await start({ maxArrivingPerAddress: 1 });
    const client = open(UNFINISHED);
    await eventually(async () => (await metric('http_bodies_arriving')) === 1);
    client.socket.write(`${' '.repeat(98)}}`);
    await eventually(() => client.statuses().length === 1);
    expect(client.statuses()).toEqual([201]);
    expect(await metric('http_bodies_arriving')).toBe(0);
  });

  it('of many addresses are refused for new ones, beginning with the oldest of the address with the most', async () => {
    await start({ maxArriving: 4, maxArrivingPerAddress: 3 });
    const many = flood(3);
    await eventually(async () => (await metric('http_bodies_arriving')) === 3);
    const single = open(UNFINISHED, OTHER);
    await eventually(async () => (await metric('http_bodies_arriving')) === 4);
    expect(await answerOf(WHOLE, '127.0.0.3')).toBe(201);
    await eventually(() => many[0]?.closed() === true);
    expect(many[0]?.received()).toMatch(/^HTTP\/1.1 503 /);
    expect([many[1]?.closed(), many[2]?.closed(), single.closed()]).toEqual([false, false, false]);
  });

  it('count for the client address that a trusted proxy sends', async () => {
    await start({ maxArrivingPerAddress: 2, trustProxy: ['127.0.0.1'] });
    const behind = (client: string): string => `${HEAD}X-Forwarded-For: ${client}\r\n\r\n{`;
    const sent = [open(behind('192.0.2.1')), open(behind('192.0.2.1')), open(behind('192.0.2.2'))];
    await eventually(async () => (await metric('http_bodies_arriving')) === 3);
    const refused = open(behind('192.0.2.1'));
    await eventually(refused.closed);
    expect(refused.statuses()).toEqual([429]);
    expect(sent.map(({ closed }) => closed())).toEqual([false, false, false]);
  });

  it('with invented client addresses are refused before those of other connections', async () => {
    await start({ maxArriving: 4, trustProxy: 1 });
    const [first] = Array.from({ length: 4 }, (_, at) => open(`${HEAD}X-Forwarded-For: 192.0.2.${at}\r\n\r\n{`));
    await eventually(async () => (await metric('http_bodies_arriving')) === 4);
    const others = [open(UNFINISHED, OTHER), open(UNFINISHED, OTHER)];
    await eventually(() => first?.closed() === true && clients.filter(({ closed }) => closed()).length === 2);
    expect(others.map(({ closed }) => closed())).toEqual([false, false]);
  });
});

describe('the connections of one address', () => {
  it('are closed above their limit, beginning with idle ones', async () => {
    const app = await createToyApp({ maxConnectionsPerAddress: 3 });
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    let release = (): void => undefined;
    let running = 0;
    script.during = () => {
      running += 1;
      return new Promise((resolve) => {
        release = () => resolve({});
      });
    };
    const busy = openRaw(port, 'GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n', ATTACKER);
    await eventually(() => running === 1);
    const partial = openRaw(port, 'GET /v1/open HTTP/1.1\r\nHost', ATTACKER);
    const idle = openRaw(port, 'GET /v1/open HTTP/1.1\r\nHost: x\r\n\r\n', ATTACKER);
    await eventually(() => idle.statuses().length === 1);
    const more = openRaw(port, 'GET /v1/open HTTP/1.1\r\nHost: x\r\n\r\n', ATTACKER);
    await eventually(() => more.statuses().length === 1);
    await eventually(partial.closed);
    expect([busy.closed(), idle.closed(), more.closed()]).toEqual([false, false, false]);
    const other = openRaw(port, 'GET /v1/open HTTP/1.1\r\nHost: x\r\n\r\n', OTHER);
    await eventually(() => other.statuses().length === 1);
    release();
    await eventually(() => busy.statuses().length === 1);
    for (const client of [busy, idle, more, other]) client.socket.destroy();
    script.reset();
    await app.close();
  });
});
