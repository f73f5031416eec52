import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import fc from 'fast-check';
import { asUser, createToyApp, script } from '../testing/toy-app';

describe('a JSON body', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await createToyApp();
  });
  afterAll(() => app.close());
  beforeEach(() => script.reset());

  const send = (payload: string) =>
    app.inject({
      ...{ method: 'POST', url: '/v1/things', payload },
      headers: { ...asUser(), 'content-type': 'application/json' },
    });

  it.each([
    ['{"name":"member","name":"admin"}', 'name'],
    ['{"name":"x","more":{"role":1,"role":2}}', 'role'],
    ['{"name":"x","more":[{"a":1},{"b":[1],"b":[2]}]}', 'b'],
    ['{"name":"x","role":1,"\\u0072ole":2}', 'role'],
    ['{"name":"x","__proto__":1,"__proto__":2}', '__proto__'],
    ['\uFEFF{"":1,"":null}', ''],
  ])('in which a name occurs twice in one object is refused: %s', async (payload, name) => {
    const answer = await send(payload);
    const message = `must not contain the name ${JSON.stringify(name)} twice in one object`;
    expect([answer.statusCode, answer.json().errors]).toEqual([400, [{ pointer: '', message }]]);
    expect(script.runs).toEqual([]);
  });

  it.each(['{"name":"x","name":"x"}', ' {"name" : "x" } '])(
    'is accepted if the value is certain: %s',
    async (payload) => {
      expect((await send(payload)).statusCode).toBe(201);
    },
  );

  it('is never refused because of names that occur in different objects', () =>
    fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (more) => {
        const { body } = await send(JSON.stringify({ name: 'x', more }));
        expect(body).not.toMatch(/twice|well-formed/);
      }),
      { numRuns: 200 },
    ));
});
