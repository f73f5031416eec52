import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { eventually, openRaw, type RawClient } from '../testing/raw-client';
import { createToyApp, script } from '../testing/toy-app';

const SLOW = 'GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n';
const OPEN = 'GET /v1/open HTTP/1.1\r\nHost: x\r\n\r\n';
const BODY_HEAD = 'POST /v1/webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n';

jest.setTimeout(90_000);

describe('the stop of the server', () => {
  let app: NestFastifyApplication;
  let port: number;
  let release: () => void;
  let running: number;
  let clients: RawClient[];

  const start = async (shutdownGraceMs?: number): Promise<void> => {
    app = await createToyApp(shutdownGraceMs === undefined ? {} : { shutdownGraceMs });
    await app.listen(0, '127.0.0.1');
    port = (app.getHttpServer().address() as AddressInfo).port;
  };
  const open = (bytes: string): RawClient => {
    const client = openRaw(port, bytes);
    clients.push(client);
    return client;
  };
  beforeEach(() => {
    clients = [];
    running = 0;
    const hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    script.during = () => {
      running += 1;
      return hold;
    };
  });
  afterEach(async () => {
    release();
    for (const { socket } of clients) socket.destroy();
    await app.close();
    script.reset();
  });

  it('answers all requests that were pipelined on a connection before it, and then closes the connection', async () => {
    await start();
    const client = open(SLOW.repeat(5));
    await eventually(() => running === 5);
    const closing = app.close();
    await sleep(100);
    release();
    await closing;
    await eventually(client.closed);
    expect(client.statuses()).toEqual([200, 200, 200, 200, 200]);
    expect(client.received().match(/^connection: close/gim)).toHaveLength(1);
  });

  it('answers pipelined requests in their order when a later one is ready first', async () => {
    await start();
    const client = open(SLOW + OPEN + OPEN);
    await eventually(() => running === 1);
    const closing = app.close();
    await sleep(50);
    release();
    await closing;
    await eventually(client.closed);
    expect(client.statuses()).toEqual([200, 200, 200]);
    expect(client.received().match(/\{"open":true\}/g)).toHaveLength(2);
  });

  it('answers a request that arrives after one that is not answered yet', async () => {
    await start();
    const client = open(SLOW);
    await eventually(() => running === 1);
    const closing = app.close();
    client.socket.write(OPEN + OPEN);
    await sleep(100);
    release();
    await closing;
    await eventually(client.closed);
    expect(client.statuses()).toEqual([200, 200, 200]);
  });

  it('answers requests that had been sent on an idle connection when it began', async () => {
    await start();
    const client = open(OPEN);
    await eventually(() => client.statuses().length === 1);
    client.socket.write(OPEN.repeat(3));
    await app.close();
    await eventually(client.closed);
    expect(client.statuses()).toEqual([200, 200, 200, 200]);
  });

  it('waits for the rest of a body, and answers its request', async () => {
    await start();
    const client = open(`${BODY_HEAD}{`);
    await sleep(100);
    const closing = app.close();
    await sleep(700);
    client.socket.write('}');
    await closing;
    await eventually(client.closed);
    expect(client.statuses()).toEqual([201]);
  });

  it('does not wait longer than the grace period for a body that never arrives', async () => {
    await start(300);
    const client = open(`${BODY_HEAD}{`);
    await sleep(100);
    await app.close();
    await eventually(client.closed);
  });

  it('sends a large answer completely, also to a client that reads slowly', async () => {
    const text = 'x'.repeat(8 * 1024 * 1024);
    await start();
    script.during = async () => ({ text });
    const client = open(SLOW);
    client.socket.pause();
    await sleep(300);
    const closing = app.close();
    await sleep(700);
    client.socket.resume();
    await closing;
    await eventually(client.closed);
    expect(client.received().length).toBeGreaterThan(text.length);
  });
});
