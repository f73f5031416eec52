import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy, type TcpProxy } from './tcp-proxy';

describe('the proxy of the fault tests', () => {
  let echo: Server;
  let proxy: TcpProxy;
  let client: Socket;
  let received: string;
  let end: Promise<string>;
  const served: Socket[] = [];

  beforeEach(async () => {
    echo = createServer((socket) => {
      served.push(socket);
      socket.on('data', (data) => socket.write(data)).on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    proxy = await startProxy({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port });
    client = await connected();
    received = '';
    client.on('data', (data) => (received += String(data)));
    end = new Promise((resolve) => {
      client.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      client.on('end', () => resolve('end'));
    });
  });

  afterEach(async () => {
    client.destroy();
    await proxy.close();
    for (const socket of served.splice(0)) socket.destroy();
    echo.close();
  });

  const connected = async (): Promise<Socket> => {
    const socket = createConnection(proxy.port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };

  const answered = async (text: string): Promise<void> => {
    while (!received.includes(text)) await sleep(2);
  };

  it('passes bytes on', async () => {
    client.write('one');
    await answered('one');
    expect(proxy.connections).toBe(1);
  });

  it('keeps the order of delayed bytes', async () => {
    proxy.delay(5);
    client.write('first');
    await sleep(1);
    client.write('second');
    proxy.delay(0);
    await answered('firstsecond');
  });

  it('discards all bytes in a black hole, and for ever on connections that were open then', async () => {
    proxy.blackHole();
    client.write('lost');
    await sleep(20);
    await proxy.heal();
    client.write('lost too');
    const second = await connected();
    second.write('x');
    expect(String((await once(second, 'data'))[0])).toBe('x');
    second.destroy();
    expect(received).toBe('');
  });

  it('holds stalled bytes back, and loses none of them', async () => {
    proxy.stall();
    client.write('late');
    await sleep(20);
    expect(received).toBe('');
    await proxy.heal();
    await answered('late');
  });

  it('resets and refuses connections, and accepts them again on the same port', async () => {
    await proxy.refuse();
    expect(await end).toBe('ECONNRESET');
    await expect(connected()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await proxy.heal();
    (await connected()).destroy();
  });

  it('closes one direction of a connection', async () => {
    proxy.halfClose('answer');
    expect(await end).toBe('end');
  });

  it.each([
    ['before a text', { direction: 'request', at: 'COMMIT' }, ''],
    ['after a text', { direction: 'answer', at: 'COMMIT', after: true }, 'a COMMIT b'],
    ['at a byte', { direction: 'answer', at: 3 }, 'a C'],
  ] as const)('cuts a connection %s, once', async (_, cut, passed) => {
    proxy.cut(cut);
    client.write('a COMMIT b');
    expect(await end).toBe('ECONNRESET');
    expect(received).toBe(passed);
    expect(proxy.cuts).toBe(1);
    const second = await connected();
    second.write('COMMIT');
    expect(String((await once(second, 'data'))[0])).toBe('COMMIT');
    second.destroy();
  });
});
