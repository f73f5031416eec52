import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { asUser, createToyApp, script } from '../testing/toy-app';

const ID = '0198c0de-0000-7000-8000-00000000000a';

describe('validation', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await createToyApp();
  });
  afterAll(() => app.close());
  beforeEach(() => script.reset());

  const send = (payload: unknown) =>
    app.inject({
      method: 'POST',
      url: '/v1/things',
      headers: { ...asUser(), 'content-type': 'application/json' },
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    });
  const pointersOf = (answer: { json(): { errors?: { pointer: string }[] } }) =>
    (answer.json().errors ?? []).map(({ pointer }) => pointer);

  it.each<[string, unknown, string[]]>([
    ['a missing body', '', ['']],
    ['null', 'null', ['']],
    ['a list', [], ['']],
    ['a text', '"x"', ['']],
    ['a missing field', {}, ['/name']],
    ['an unknown field', { name: 'x', nam: 1 }, ['/nam']],
    ['an unknown field with / and ~', { name: 'x', 'a/b~c': 1 }, ['/a~1b~0c']],
    ['the field name constructor', { name: 'x', constructor: 1 }, ['/constructor']],
    ['a number instead of a text', { name: 7 }, ['/name']],
    ['an empty text', { name: '' }, ['/name']],
    ['white space', { name: ' \u3000 ' }, ['/name']],
    ['a text too long', { name: 'x'.repeat(21) }, ['/name']],
    ['a line break in one line', { name: 'a\nb' }, ['/name']],
    ['U+0000', { name: 'a\0b' }, ['/name']],
    ['half a surrogate pair', '{"name":"a\\ud800b"}', ['/name']],
    ['null where it is not allowed', { name: null }, ['/name']],
    ['a text instead of a number', { name: 'x', home: { street: 's', number: '1' } }, ['/home/number']],
    ['a fraction', { name: 'x', home: { street: 's', number: 1.5 } }, ['/home/number']],
    ['a text instead of a flag', { name: 'x', loud: 'true' }, ['/loud']],
    ['a text that is not a UUID', { name: 'x', owner: 'me' }, ['/owner']],
    ['a text that is not an e-mail address', { name: 'x', email: 'me@' }, ['/email']],
    ['a value that is not in the list', { name: 'x', colour: 'blue' }, ['/colour']],
    ['a time without offset', { name: 'x', at: '2026-01-01T00:00:00' }, ['/at']],
    ['30 February', { name: 'x', at: '2026-02-30T00:00:00Z' }, ['/at']],
    ['29 February 2025', { name: 'x', due: '2025-02-29' }, ['/due']],
    ['a script instead of a link', { name: 'x', link: 'javascript:alert(1)' }, ['/link']],
    ['a link with credentials', { name: 'x', link: 'https://a:b@c.example' }, ['/link']],
    ['a link too long for a header', { name: 'x', link: `https://c.example/${'é'.repeat(400)}` }, ['/link']],
    ['a text that does not match the pattern', { name: 'x', slug: 'Acme' }, ['/slug']],
    ['a text instead of an object', { name: 'x', home: 'here' }, ['/home']],
    ['a list instead of an object', { name: 'x', home: [] }, ['/home']],
    ['an object instead of a list', { name: 'x', addresses: {} }, ['/addresses']],
    ['texts instead of objects in a list', { name: 'x', addresses: ['a'] }, ['/addresses']],
    ['a list too long', { name: 'x', addresses: Array(4).fill({ street: 's' }) }, ['/addresses']],
    [
      'mistakes in nested objects',
      { name: 'x', addresses: [{ street: 's' }, { stret: 's' }] },
      ['/addresses/1/stret', '/addresses/1/street'],
    ],
    ['an unknown field in a nested object', { name: 'x', home: { street: 's', x: 1 } }, ['/home/x']],
    [
      'field names that every object inherits',
      JSON.parse('{"name":"x","toString":1,"home":{"street":"s","valueOf":1,"__proto__":{"x":1}},"__proto__":{"x":1}}'),
      ['/toString', '/home/valueOf', '/home/__proto__', '/__proto__'],
    ],
  ])('refuses %s and names the field', async (_, payload, pointers) => {
    const answer = await send(payload);
    expect(answer.statusCode).toBe(400);
    expect(pointersOf(answer)).toEqual(pointers);
    for (const { message } of answer.json().errors) expect(message).toMatch(/^(must|is) /);
    expect(script.runs).toEqual([]);
  });

  it('accepts valid fields and converts them to one form', async () => {
    const answer = await send({
      name: 'Cafe\u0301',
      note: null,
      owner: ID.toUpperCase(),
      email: 'Me@Example.com',
      loud: false,
      colour: 'red',
      at: '2024-02-29T12:00:00+02:00',
      due: '2024-02-29',
      link: 'https://example.com/a?b=c',
      slug: 'acme',
      home: { street: '𝄞'.repeat(100), number: 3 },
      addresses: [{ street: 'cafe\u0301' }],
    });
    expect(answer.statusCode).toBe(201);
    expect(script.runs[0]?.body).toMatchObject({
      name: 'Café',
      note: null,
      owner: ID,
      email: 'Me@Example.com',
      at: '2024-02-29T10:00:00.000Z',
      addresses: [{ street: 'café' }],
    });
  });

  it('reports at most 100 mistakes', async () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`x${at}`, 1]));
    const answer = await send({ name: 'x', ...many });
    expect(answer.statusCode).toBe(400);
    expect(pointersOf(answer)).toHaveLength(100);
  });

  it.each([
    ['limit=0', ['/query/limit']],
    ['limit=101', ['/query/limit']],
    ['limit=1.5', ['/query/limit']],
    ['limit=', ['/query/limit']],
    ['limit=1e2', ['/query/limit']],
    ['limit=1&limit=2', ['/query/limit']],
    ['loud=yes', ['/query/loud']],
    ['colour=%00', ['/query/colour']],
    ['color=red', ['/query/color']],
    ['__proto__=1', ['/query/__proto__']],
    ['limit[a]=1', ['/query/limit[a]']],
  ])('refuses ?%s', async (query, pointers) => {
    const answer = await app.inject({ url: `/v1/things?${query}`, headers: asUser() });
    expect(answer.statusCode).toBe(400);
    expect(pointersOf(answer)).toEqual(pointers);
  });

  it.each([
    ['GET', '/v1/open?x=1&y', ['/query/x', '/query/y']],
    ['POST', '/v1/things?a/b=1', ['/query/a~1b']],
    ['GET', `/v1/things/${ID}?expand=owner`, ['/query/expand']],
  ] as const)('refuses query parameters of a route without any: %s %s', async (method, url, pointers) => {
    const answer = await app.inject({ method, url, headers: asUser() });
    expect(answer.statusCode).toBe(400);
    expect(pointersOf(answer)).toEqual(pointers);
  });

  it.each([
    ['POST', '/v1/anonymous', { x: 1, 'a/b': 1 }, ['/x', '/a~1b']],
    ['DELETE', `/v1/things/${ID}`, { force: true }, ['/force']],
    ['PATCH', `/v1/things/${ID}`, ['x'], ['/0']],
  ] as const)('refuses the body of a route without one: %s %s', async (method, url, payload, pointers) => {
    const answer = await app.inject({ method, url, payload, headers: asUser() });
    expect(answer.statusCode).toBe(400);
    expect(pointersOf(answer)).toEqual(pointers);
    expect(script.runs).toEqual([]);
  });

  it('treats an empty object as no body', async () => {
    const answer = await app.inject({ method: 'POST', url: '/v1/anonymous', payload: {}, headers: asUser() });
    expect(answer.statusCode).toBe(201);
  });

  it('treats an empty query as no query', async () => {
    expect((await app.inject({ url: '/v1/open?' })).statusCode).toBe(200);
  });

  it('converts the texts of a query to numbers and flags', async () => {
    const answer = await app.inject({ url: '/v1/things?limit=2&loud=true', headers: asUser() });
    expect(answer.json().data).toHaveLength(2);
  });

  it.each(['me', `${ID}x`, '%00', '..', `${ID}%0a`])('refuses the id %s', async (id) => {
    const answer = await app.inject({ url: `/v1/things/${id}`, headers: asUser() });
    expect(answer.statusCode === 404 || pointersOf(answer)[0] === '/path/id').toBe(true);
  });
});
