import { ForbiddenException, HttpException, ImATeapotException, UnauthorizedException } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DatabaseError } from 'pg';
import { StripeUnavailable } from '#billing/stripe/stripe-unavailable';
import { Refusal } from '#domain/refusal';
import { StaleVersion } from '#event-log/aggregate/aggregate-store';
import { HistoryOfNewerRelease } from '#event-log/aggregate/fold-onto';
import { AppendOutcomeUnknown, InvalidAppend, LogUnavailable, WrongExpectedVersion } from '#event-log/port';
import type { StreamId } from '#event-log/stream-id';
import { Problem } from '#platform/problems';
import { createToyApp, script } from '../testing/toy-app';
import { toProblem } from './to-problem';

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

/** Classes of SQLSTATE (PostgreSQL's manual, appendix A) with some codes of each, and the status of the answer. */
const CLASSES: readonly [string, readonly string[], 503 | 500][] = [
  ['08 connection exception', ['08000', '08001', '08003', '08004', '08006', '08007', '08P01'], 503],
  ['0A feature not supported', ['0A000'], 500],
  ['21 cardinality', ['21000'], 500],
  ['22 data', ['22000', '22001', '22003', '22021', '22P02', '22P05'], 500],
  ['23 integrity constraint', ['23502', '23503', '23505', '23514', '23P01'], 500],
  ['24 cursor state', ['24000'], 500],
  ['25 transaction state, because of an error of this server', ['25000', '25001'], 500],
  ['25 transaction state, on a connection that is replaced', ['25006', '25P01', '25P02', '25P03', '25P04'], 503],
  ['26 statement name', ['26000'], 503],
  ['28 authorization', ['28000', '28P01'], 503],
  ['34 cursor name', ['34000'], 500],
  ['3D catalog name', ['3D000'], 503],
  ['3F schema name', ['3F000'], 500],
  ['40 transaction rollback', ['40000', '40001', '40002', '40003', '40P01'], 503],
  ['42 syntax or access', ['42501', '42601', '42703', '42883', '42P01', '42P05'], 500],
  ['53 resources', ['53000', '53100', '53200', '53300', '53400'], 503],
  ['54 program limit', ['54000', '54001', '54011', '54023'], 500],
  ['55 object state', ['55000', '55006', '55P02', '55P03', '55P04'], 503],
  ['57 operator', ['57000', '57014', '57P01', '57P02', '57P03', '57P04', '57P05'], 503],
  ['58 system', ['58000', '58030', '58P01'], 503],
  ['F0 configuration', ['F0000', 'F0001'], 503],
  ['P0 PL/pgSQL', ['P0000', 'P0001', 'P0004'], 500],
  ['XX internal', ['XX000', 'XX001', 'XX002'], 503],
];

describe('an error of a dependency', () => {
  it.each(CLASSES)('of PostgreSQL, class %s, is answered with the same status for each code', (_, codes, status) => {
    expect(codes.map((code) => [code, toProblem(database(code)).status])).toEqual(codes.map((code) => [code, status]));
  });

  it('of PostgreSQL that names a replaced table is 503', () => {
    const error = coded(new DatabaseError('cached plan must not change result type', 1, 'error'), '0A000');
    expect(toProblem(error).problem).toBe('dependency-unavailable');
  });

  it.each([
    ['a closed connection', new Error('Connection is closed.')],
    ['a command without an answer', new Error('Command timed out')],
    ['a connection that is not open yet', new Error("Stream isn't writeable and enableOfflineQueue options is false")],
    ['a command after too many attempts', Object.assign(new Error('x'), { name: 'MaxRetriesPerRequestError' })],
    ['a server that is loading its data', new Error('LOADING Redis is loading the dataset in memory')],
    ['a replica', new Error("READONLY You can't write against a read only replica.")],
    ['a server without memory', new Error("OOM command not allowed when used memory > 'maxmemory'.")],
  ])('of Redis is 503: %s', (_, error) => {
    expect(toProblem(error).problem).toBe('dependency-unavailable');
  });

  it('of Stripe is 503 with a longer Retry-After', () => {
    expect(toProblem(new StripeUnavailable(SECRET))).toMatchObject({ status: 503, details: { retryAfter: 5 } });
  });

  it('is found also as the cause of another error', () => {
    expect(toProblem(new Error('it failed', { cause: database('57P01') })).status).toBe(503);
    expect(toProblem(new Error('it failed', { cause: database('42P01') })).status).toBe(500);
    const circular = new Error(SECRET);
    circular.cause = circular;
    expect(toProblem(circular).status).toBe(500);
  });
});
