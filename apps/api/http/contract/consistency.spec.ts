import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Position } from '#event-log/port';
import { asUser, createToyApp, script, TENANT_A, TENANT_B } from '../testing/toy-app';
import { createPositionTokens } from './position-token';

/** Read models that are as far as a spec says. */
const readModels = {
  at: 0n,
  broken: false,
  asked: [] as [Position, number][],
  async waitFor(position: Position, timeoutMs: number): Promise<boolean> {
    this.asked.push([position, timeoutMs]);
    if (this.broken) throw new Error('a fault');
    return position <= this.at;
  },
};

describe('read-your-writes', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await createToyApp({ waiter: readModels, consistencyWaitMs: 123 });
  });
  afterAll(() => app.close());
  beforeEach(() => {
    script.reset();
    Object.assign(readModels, { at: 0n, broken: false, asked: [] });
  });

  const write = (position: Position | undefined, more: object = {}) => {
    script.during = async (context) => {
      Object.assign(context, { position, ...more });
      return { written: true };
    };
    return app.inject({ method: 'POST', url: '/v1/things', headers: asUser(), payload: { name: 'x' } });
  };
  const read = (token: string, headers: object = asUser()) =>
    app.inject({ url: '/v1/things', headers: { ...headers, 'if-position': token } });

  it('a write that is to be seen keeps its status and says where it lies', async () => {
    readModels.at = 7n;
    const answer = await write(7n);
    expect(answer.statusCode).toBe(201);
    expect(readModels.asked).toEqual([[7n, 123]]);
    expect(answer.headers['position']).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it('one that is not to be seen in time answers 202 with the same body', async () => {
    const answer = await write(8n);
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toEqual({ written: true });
    expect(answer.headers['position']).toBeDefined();
  });

  it('so does one whose waiter fails: it is durable all the same', async () => {
    readModels.broken = true;
    expect((await write(8n)).statusCode).toBe(202);
  });

  it('one that wrote nothing has no position', async () => {
    const answer = await write(undefined);
    expect([answer.statusCode, answer.headers['position']]).toEqual([201, undefined]);
  });

  it('a read with that position waits for it', async () => {
    const { headers } = await write(9n);
    const behind = await read(String(headers['position']));
    expect(behind.statusCode).toBe(503);
    expect(behind.json().type).toBe('/problems/read-model-behind');
    expect(behind.headers['retry-after']).toBe('1');
    readModels.at = 9n;
    expect((await read(String(headers['position']))).statusCode).toBe(200);
  });

  it('a position of one tenant is worthless in another', async () => {
    readModels.at = 100n;
    const { headers } = await write(9n);
    const answer = await read(String(headers['position']), asUser(TENANT_B));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors[0].pointer).toBe('/header/If-Position');
  });

  it('whose position it is can differ from who asked', async () => {
    readModels.at = 9n;
    const { headers } = await write(9n, { positionTenant: TENANT_B });
    expect((await read(String(headers['position']), asUser(TENANT_B))).statusCode).toBe(200);
  });

  it.each(['', '7', 'x'.repeat(22), 'x'.repeat(21), 'x'.repeat(4_000), '=', '%00', '{}', '\u00e9'.repeat(22)])(
    'refuses the position %j',
    async (token) => {
      const answer = await read(token);
      expect(answer.statusCode).toBe(400);
      expect(answer.json().errors[0].pointer).toBe('/header/If-Position');
      expect(readModels.asked).toEqual([]);
    },
  );
});

describe('a position token', () => {
  const tokens = createPositionTokens(Buffer.alloc(32, 1));

  it.each([0n, 1n, 2n ** 63n - 1n])('gives %d back', (position) => {
    expect(tokens.open(TENANT_A, tokens.seal(TENANT_A, position))).toBe(position);
  });

  it('shows nothing of the position', () => {
    const [one = '', two = ''] = [1n, 2n].map((it) => tokens.seal(TENANT_A, it));
    const same = [...Buffer.from(one, 'base64url')].filter((byte, at) => byte === Buffer.from(two, 'base64url')[at]);
    expect(same.length).toBeLessThan(4);
  });

  it('is refused after any change of a bit, and under another key', () => {
    const sealed = Buffer.from(tokens.seal(TENANT_A, 42n), 'base64url');
    for (let bit = 0; bit < 128; bit++) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => tokens.open(TENANT_A, changed.toString('base64url'))).toThrow();
    }
    const others = createPositionTokens(Buffer.alloc(32, 2));
    expect(() => others.open(TENANT_A, sealed.toString('base64url'))).toThrow();
  });
});
