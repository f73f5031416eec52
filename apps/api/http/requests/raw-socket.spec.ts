import { type AddressInfo, connect } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createToyApp, script } from '../testing/toy-app';

/** Sends texts with pauses (ms) between them. Resolves with everything that is received until the server closes. */
const talk = (port: number, ...parts: (string | number)[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      answer += text;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve(answer) : reject(error),
    );
    const send = async (): Promise<void> => {
      for (const part of parts) {
        if (typeof part === 'string') socket.write(part, 'latin1');
        else await new Promise((done) => setTimeout(done, part));
      }
    };
    void send();
  });

const problemIn = (answer: string): Record<string, unknown> => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
const CLOSE = 'Connection: close\r\n';

describe('a request on a raw socket', () => {
  let app: NestFastifyApplication;
  let port: number;
  beforeAll(async () => {
    app = await createToyApp({ requestTimeoutMs: 400 });
    await app.listen(0, '127.0.0.1');
    port = (app.getHttpServer().address() as AddressInfo).port;
  });
  afterAll(() => app.close());

  it.each([
    ['a text that is not HTTP', 'rubbish\r\n\r\n', 400],
    ['an unknown method', 'FROB / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['header fields of 20 KiB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a path of 20 KiB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ['a length that is not a number', `POST /v1/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n`, 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['length and chunks', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['a chunk without a size', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
    ['a NUL in a field', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', 400],
    ['a field without a colon', 'GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n', 400],
    ['no Host', `GET /v1/open HTTP/1.1\r\n${CLOSE}\r\n`, 400],
    ['two Hosts', `GET /v1/open HTTP/1.1\r\nHost: x\r\nhost: y\r\n${CLOSE}\r\n`, 400],
    [
      'two content types',
      `POST /v1/webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Type: text/plain\r\n${CLOSE}\r\n`,
      400,
    ],
    [
      'two idempotency keys',
      `POST /v1/anonymous HTTP/1.1\r\nHost: x\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n${CLOSE}\r\n`,
      400,
    ],
    [
      'two tokens',
      `GET /v1/open HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer a\r\n${CLOSE}\r\n`,
      400,
    ],
    ['a malformed escape', `GET /%zz HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, 400],
    ['a target that is not a path', `GET v1/open HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, 400],
    ['OPTIONS *', `OPTIONS * HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, 404],
  ])('with %s is answered with a problem', async (_, bytes, status) => {
    const answer = await talk(port, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(answer).toMatch(/x-request-id: /i);
    expect(problemIn(answer)).toMatchObject({
      status,
      type: expect.stringMatching(/^\/problems\//),
      title: expect.any(String),
      requestId: expect.any(String),
    });
  });

  it('that does not arrive completely in time is answered 408', async () => {
    const started = Date.now();
    const answer = await talk(port, 'GET /v1/open HTTP/1.1\r\nHost: x\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(problemIn(answer)).toMatchObject({ status: 408, type: '/problems/request-timeout' });
    expect(Date.now() - started).toBeLessThan(3_000);
  });

  it('whose body arrives byte by byte is answered 408', async () => {
    const head =
      'POST /v1/webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';
    expect(await talk(port, head, '{', 150, ' ', 150, ' ', 150, ' ', 150, ' ')).toMatch(/^HTTP\/1.1 408 /);
  });

  it('with an unknown Expect header is answered without the expectation', async () => {
    const answer = await talk(port, `GET /v1/open HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n${CLOSE}\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });

  it('of HTTP/1.0 needs no Host', async () => {
    expect(await talk(port, 'GET /v1/open HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200 /);
  });

  it('with a body that cannot be parsed is the last one of its connection', async () => {
    const first =
      'POST /v1/webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n{x}';
    const answer = await talk(port, first, 50, `GET /v1/open HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).not.toMatch(/HTTP\/1.1 200 /);
  });
});

const MIB = 1024 * 1024;
const TYPE = 'Content-Type: application/json\r\n';

describe('a body that is too large', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await createToyApp();
    await app.listen(0, '127.0.0.1');
  });
  afterAll(() => app.close());

  /**
   * Sends all parts before it reads the answer, as most clients do. Resolves with the answer and the number of parts
   * sent.
   */
  const sendAll = async (
    head: string,
    parts: readonly (string | Buffer)[],
  ): Promise<{ answer: string; sent: number }> => {
    const socket = connect((app.getHttpServer().address() as AddressInfo).port, '127.0.0.1').pause();
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined);
    const write = (bytes: string | Buffer): Promise<boolean> =>
      new Promise((resolve) => socket.write(bytes, (error) => resolve(!error)));
    await write(`POST /v1/webhook HTTP/1.1\r\nHost: x\r\n${TYPE}${CLOSE}${head}\r\n\r\n`);
    let sent = 0;
    for (const part of parts) {
      if (!(await write(part))) break;
      sent += 1;
      // Gives the server time to close the connection.
      if (sent % 8 === 0) await new Promise((done) => setTimeout(done, 5));
    }
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    socket.resume();
    await closed;
    return { answer, sent };
  };

  it.each([
    ['has a Content-Length', `Content-Length: ${6 * MIB}`, 'x'.repeat(MIB / 16), ''],
    ['is chunked', 'Transfer-Encoding: chunked', `10000\r\n${'x'.repeat(MIB / 16)}\r\n`, '0\r\n\r\n'],
  ])(
    'and %s is read to the end, so that its sender gets the answer and not a broken pipe',
    async (_, head, part, end) => {
      const parts = [...Array.from({ length: 96 }, () => part), end];
      const { answer, sent } = await sendAll(head, parts);
      expect(sent).toBe(parts.length);
      expect(answer).toMatch(/^HTTP\/1.1 413 /);
      expect(problemIn(answer)).toMatchObject({ type: '/problems/body-too-large' });
    },
  );

  it('is read up to a limit only', async () => {
    const part = Buffer.alloc(MIB, 'x');
    const { sent } = await sendAll(
      `Content-Length: ${1024 * MIB}`,
      Array.from({ length: 1024 }, () => part),
    );
    expect(sent).toBeLessThan(64);
  });
});

describe('the stop of the server', () => {
  it('answers a request that arrived before it', async () => {
    const app = await createToyApp();
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    let closing: Promise<void> | undefined;
    script.during = async () => {
      closing = app.close();
      await new Promise((done) => setTimeout(done, 100));
    };
    const answer = await talk(port, 'GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    await closing;
    script.reset();
  });
});
