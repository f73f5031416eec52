import { type Send, withRetries } from './retries';

const URL = 'https://api.example.com/v1/projects';
const post = (headers: Record<string, string> = {}) =>
  new Request(URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"name":"A"}',
  });

describe('a request that is repeated', () => {
  let waits: number[];
  let sent: { key: string | null; body: string }[];
  beforeEach(() => {
    [waits, sent] = [[], []];
  });

  /** Answers one request after another; the last answer is repeated. */
  const answering = (...answers: (Response | Error)[]): Send => {
    const send: Send = async (request) => {
      sent.push({ key: request.headers.get('idempotency-key'), body: await request.text() });
      const answer = answers[Math.min(sent.length, answers.length) - 1];
      if (answer instanceof Response) return answer;
      throw answer;
    };
    return withRetries(send, {
      retries: 3,
      sleep: async (ms) => {
        waits.push(ms);
      },
    });
  };
  const answer = (status: number, headers: Record<string, string> = {}) => new Response(null, { status, headers });

  it('has the same body and the same idempotency key each time', async () => {
    const send = answering(new Error('no connection'), answer(503), answer(429), answer(201));
    expect((await send(post())).status).toBe(201);
    expect(sent).toHaveLength(4);
    expect(new Set(sent.map(({ key }) => key)).size).toBe(1);
    expect(sent[0]?.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(sent.map(({ body }) => body)).toEqual(Array(4).fill('{"name":"A"}'));
  });

  it('keeps the idempotency key of the caller', async () => {
    await answering(answer(503), answer(201))(post({ 'idempotency-key': 'mine' }));
    expect(sent.map(({ key }) => key)).toEqual(['mine', 'mine']);
  });

  it('waits as long as the server asks for, at most 10 s, and otherwise a little longer each time', async () => {
    const send = answering(answer(429, { 'retry-after': '2' }), answer(503, { 'retry-after': '900' }), answer(503));
    await send(post());
    expect(waits.slice(0, 2)).toEqual([2_000, 10_000]);
    expect(waits[2]).toBeLessThanOrEqual(200 * 2 ** 2);
  });

  it('is given up after the last attempt, with the last answer or error', async () => {
    expect((await answering(answer(503))(post())).status).toBe(503);
    expect(sent).toHaveLength(4);
    await expect(answering(new Error('no connection'))(post())).rejects.toThrow('no connection');
  });

  it.each([400, 401, 402, 403, 404, 409, 412, 422, 500])('is not sent again after %d', async (status) => {
    expect((await answering(answer(status))(post())).status).toBe(status);
    expect(sent).toHaveLength(1);
  });

  it('is sent again while its first attempt still runs', async () => {
    expect((await answering(answer(409, { 'retry-after': '1' }), answer(201))(post())).status).toBe(201);
  });

  it('has no idempotency key if it only reads', async () => {
    await answering(answer(503), answer(200))(new Request(URL));
    expect(sent.map(({ key }) => key)).toEqual([null, null]);
  });

  it('is not sent again after its caller has canceled it', async () => {
    const canceled = new Request(URL, { signal: AbortSignal.abort() });
    await expect(answering(new Error('canceled'))(canceled)).rejects.toThrow('canceled');
    expect(sent).toHaveLength(1);
  });
});
