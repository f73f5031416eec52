import { ForbiddenException, HttpException, ImATeapotException, UnauthorizedException } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DatabaseError } from 'pg';
import { Refusal } from '#domain/refusal';
import { StaleVersion } from '#event-log/aggregate/aggregate-store';
import { HistoryOfNewerRelease } from '#event-log/aggregate/fold-onto';
import { AppendOutcomeUnknown, InvalidAppend, LogUnavailable, WrongExpectedVersion } from '#event-log/port';
import type { StreamId } from '#event-log/stream-id';
import { Problem } from '#platform/problems';
import { createToyApp, script } from '../testing/toy-app';

const SECRET = 'relation "secret_table" at 10.0.0.7';
const coded = <E extends Error>(error: E, code: string): E => Object.assign(error, { code });
const database = (code: string) => coded(new DatabaseError(SECRET, 1, 'error'), code);
const stream: StreamId = { tenantId: null, aggregate: 'user', id: '0198c0de-0000-7000-8000-000000000001' };

describe('an error of a route', () => {
  let app: NestFastifyApplication;
  const logged: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  const log = (level: string) => (fields: Record<string, unknown>, message: string) => {
    logged.push({ level, fields, message });
  };
  beforeAll(async () => {
    app = await createToyApp({
      logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    });
  });
  afterAll(() => app.close());
  beforeEach(() => {
    script.reset();
    logged.length = 0;
  });

  const thrown = (error: unknown) => {
    script.error = error;
    return app.inject({ url: '/v1/throws?token=hidden' });
  };

  it.each<[string, unknown, number, string]>([
    ['a problem', new Problem('gone'), 410, 'gone'],
    ['a refusal of a rule', new Refusal('forbidden', 'Only an owner may.'), 403, 'forbidden'],
    ['a log that is not available', new LogUnavailable(SECRET), 503, 'dependency-unavailable'],
    ['an append of unknown outcome', new AppendOutcomeUnknown(SECRET), 503, 'dependency-unavailable'],
    ['a version conflict after all attempts', new WrongExpectedVersion(stream, 1, 2), 409, 'conflict'],
    [
      'a history of a newer release',
      new HistoryOfNewerRelease(SECRET, { type: 'New', version: 1 }),
      503,
      'dependency-unavailable',
    ],
    ['an old expected version', new StaleVersion(), 412, 'precondition-failed'],
    ['an append that is too large', new InvalidAppend(SECRET), 400, 'validation-failed'],
    ['a refused connection', coded(new Error(SECRET), 'ECONNREFUSED'), 503, 'dependency-unavailable'],
    [
      'a missing socket',
      Object.assign(coded(new Error(SECRET), 'ENOENT'), { syscall: 'connect' }),
      503,
      'dependency-unavailable',
    ],
    [
      'several refused connections',
      new AggregateError([coded(new Error(SECRET), 'ECONNREFUSED')]),
      503,
      'dependency-unavailable',
    ],
    [
      'a pool without a free connection',
      new Error('timeout exceeded when trying to connect'),
      503,
      'dependency-unavailable',
    ],
    ['a lost connection', new Error('Connection terminated unexpectedly'), 503, 'dependency-unavailable'],
    ['a database that is stopping', database('57P01'), 503, 'dependency-unavailable'],
    ['a statement timeout', database('57014'), 503, 'dependency-unavailable'],
    ['a lock timeout', database('55P03'), 503, 'dependency-unavailable'],
    ['a statement that could not be prepared', database('26000'), 503, 'dependency-unavailable'],
    ['a full disk', database('53100'), 503, 'dependency-unavailable'],
    ['a refused password', database('28P01'), 503, 'dependency-unavailable'],
    ['a pooler without a free connection', database('08P01'), 503, 'dependency-unavailable'],
    ['too many connections', database('53300'), 503, 'dependency-unavailable'],
    ['a deadlock', database('40P01'), 503, 'dependency-unavailable'],
    ['a missing table', database('42P01'), 500, 'internal-error'],
    ['a missing file', coded(new Error(SECRET), 'ENOENT'), 500, 'internal-error'],
    ['an error', new Error(SECRET), 500, 'internal-error'],
    ['a text', SECRET, 500, 'internal-error'],
    ['nothing', undefined, 500, 'internal-error'],
    ['null', null, 500, 'internal-error'],
    ['Nest’s 403', new ForbiddenException(), 403, 'forbidden'],
    ['Nest’s 401', new UnauthorizedException(), 401, 'unauthenticated'],
    ['a status without a problem', new ImATeapotException(), 400, 'validation-failed'],
    ['Nest’s 502', new HttpException(SECRET, 502), 500, 'internal-error'],
  ])('such as %s is answered with its problem', async (_, error, status, name) => {
    const answer = await thrown(error);
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ type: `/problems/${name}`, status, instance: '/v1/throws' });
    expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
    expect(answer.body).not.toMatch(/secret_table|hidden/);
  });

  it('is answered with the detail and the members of its problem', async () => {
    const members = { resource: 'seats', limit: 3, used: 3, status: 1 };
    const answer = await thrown(new Problem('plan-limit-reached', { detail: 'Three seats.', members }));
    expect(answer.json()).toMatchObject({ status: 402, detail: 'Three seats.', resource: 'seats', limit: 3, used: 3 });
  });

  it('of the server is logged once, with its stack and the id of the request', async () => {
    const answer = await thrown(new Error(SECRET));
    const errors = logged.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]?.fields).toMatchObject({ requestId: answer.headers['x-request-id'], route: '/v1/throws' });
    expect(errors[0]?.fields['err']).toBeInstanceOf(Error);
  });

  it('is logged in one line if it is a refusal; a successful request is not logged', async () => {
    await thrown(new Problem('gone'));
    expect(logged.map(({ level, message }) => `${level} ${message}`)).toEqual(['info request']);
    logged.length = 0;
    await app.inject({ url: '/v1/open' });
    expect(logged.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  it('has a page for its problem', async () => {
    const answer = await app.inject({ url: '/problems/plan-limit-reached' });
    expect(answer.json()).toMatchObject({ type: '/problems/plan-limit-reached', status: 402 });
    const page = await app.inject({ url: '/problems/plan-limit-reached', headers: { accept: 'text/html' } });
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect((await app.inject({ url: '/problems/__proto__' })).statusCode).toBe(404);
  });
});
