import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { asUser, createToyApp, TENANT_B } from '../testing/toy-app';

describe('the pages of a list', () => {
  let app: NestFastifyApplication;
  let other: NestFastifyApplication;
  beforeAll(async () => {
    app = await createToyApp();
    other = await createToyApp({ secretKey: Buffer.alloc(32, 9) });
  });
  afterAll(() => Promise.all([app.close(), other.close()]));
  const list = (query: string, headers: Record<string, string> = asUser(), to = app) =>
    to.inject({ url: `/v1/things${query}`, headers });

  it('contain each row once', async () => {
    const seen: number[] = [];
    let query = '?limit=3';
    for (let page = 0; page < 3; page++) {
      const { data, nextCursor } = (await list(query)).json();
      seen.push(...data.map(({ id }: { id: number }) => id));
      query = `?limit=3&cursor=${nextCursor}`;
      expect(nextCursor === null).toBe(page === 2);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('end with the last row, without an empty page', async () => {
    expect((await list('?limit=7')).json().nextCursor).toBeNull();
    expect((await list('')).json().data).toHaveLength(7);
  });

  it('can be read only by the tenant of the cursor, and with the key that encrypted the cursor', async () => {
    const { nextCursor } = (await list('?limit=3')).json();
    for (const answer of [
      await list(`?cursor=${nextCursor}`, asUser(TENANT_B)),
      await list(`?cursor=${nextCursor}`, asUser(), other),
    ]) {
      expect(answer.statusCode).toBe(400);
      expect(answer.json().errors[0].pointer).toBe('/query/cursor');
    }
  });

  it.each(['', 'x', '%00', '%F0%9D%84%9E', 'a b', '{}', '..', 'x'.repeat(2_000), 'A'.repeat(40), 'null'])(
    'cannot be read with the cursor %j',
    async (cursor) => {
      const answer = await list(`?cursor=${cursor}`);
      expect(answer.statusCode).toBe(400);
      expect(answer.json().errors[0].pointer).toBe('/query/cursor');
    },
  );

  it('have cursors that do not reveal the rows and are refused after any change', async () => {
    const { nextCursor } = (await list('?limit=3')).json();
    const bytes = Buffer.from(nextCursor, 'base64url');
    expect(bytes.toString('latin1')).not.toContain('[3]');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect((await list(`?cursor=${changed.toString('base64url')}`)).statusCode).toBe(400);
    }
  });
});
