import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Position } from '#event-log/port';
import { asUser, createToyApp, script, TENANT_A, TENANT_B } from '../testing/toy-app';
import { createPositionTokens } from './position-token';

/** Stands for the read models: each test sets the position that they have reached. */
const readModels = {
  reached: 0n,
  broken: false,
  waits: [] as [Position, number][],
  async waitFor(position: Position, timeoutMs: number): Promise<boolean> {
    this.waits.push([position, timeoutMs]);
    if (this.broken) throw new Error('a fault');
    return position <= this.reached;
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
    Object.assign(readModels, { reached: 0n, broken: false, waits: [] });
  });

  const write = (position: Position | undefined, contextFields: object = {}) => {
    script.during = async (context) => {
      Object.assign(context, { position, ...contextFields });
      return { written: true };
    };
    return app.inject({ method: 'POST', url: '/v1/things', headers: asUser(), payload: { name: 'x' } });
  };
  const read = (token: string, headers: object = asUser()) =>
    app.inject({ url: '/v1/things', headers: { ...headers, 'if-position': token } });

  it('a write that the read models show in time keeps its status and has a Position', async () => {
    readModels.reached = 7n;
    const answer = await write(7n);
    expect(answer.statusCode).toBe(201);
    expect(readModels.waits).toEqual([[7n, 123]]);
    expect(answer.headers['position']).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it('a write that the read models do not show in time is answered 202 with the same body', async () => {
    const answer = await write(8n);
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toEqual({ written: true });
    expect(answer.headers['position']).toBeDefined();
  });

  it('a write is answered 202 also if the wait fails, because the write is durable', async () => {
    readModels.broken = true;
    expect((await write(8n)).statusCode).toBe(202);
  });

  it('a write that stored no event has no Position', async () => {
    const answer = await write(undefined);
    expect([answer.statusCode, answer.headers['position']]).toEqual([201, undefined]);
  });

  it('a read with If-Position waits until the read models have reached that position', async () => {
    const { headers } = await write(9n);
    const behind = await read(String(headers['position']));
    expect(behind.statusCode).toBe(503);
    expect(behind.json().type).toBe('/problems/read-model-behind');
    expect(behind.headers['retry-after']).toBe('1');
    readModels.reached = 9n;
    expect((await read(String(headers['position']))).statusCode).toBe(200);
  });

  it('a position of one tenant is refused in another tenant', async () => {
    readModels.reached = 100n;
    const { headers } = await write(9n);
    const answer = await read(String(headers['position']), asUser(TENANT_B));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors[0].pointer).toBe('/header/If-Position');
  });

  it('the position can belong to another tenant than the one in the access token', async () => {
    readModels.reached = 9n;
    const { headers } = await write(9n, { positionTenant: TENANT_B });
    expect((await read(String(headers['position']), asUser(TENANT_B))).statusCode).toBe(200);
  });

  it.each(['', '7', 'x'.repeat(22), 'x'.repeat(21), 'x'.repeat(4_000), '=', '%00', '{}', '\u00e9'.repeat(22)])(
    'If-Position: %j is refused',
    async (token) => {
      const answer = await read(token);
      expect(answer.statusCode).toBe(400);
      expect(answer.json().errors[0].pointer).toBe('/header/If-Position');
      expect(readModels.waits).toEqual([]);
    },
  );
});

describe('a position token', () => {
  const tokens = createPositionTokens(Buffer.alloc(32, 1));

  it.each([0n, 1n, 2n ** 63n - 1n])('of position %d is opened to the same position', (position) => {
    expect(tokens.open(TENANT_A, tokens.seal(TENANT_A, position))).toBe(position);
  });

  it('does not reveal the position', () => {
    const [one = '', two = ''] = [1n, 2n].map((it) => tokens.seal(TENANT_A, it));
    const same = [...Buffer.from(one, 'base64url')].filter((byte, at) => byte === Buffer.from(two, 'base64url')[at]);
    expect(same.length).toBeLessThan(4);
  });

  it('is refused if any bit was changed, and under another key', () => {
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
