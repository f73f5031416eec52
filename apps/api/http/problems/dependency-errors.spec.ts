import { DatabaseError } from 'pg';
import { StripeUnavailable } from '#billing/stripe/stripe-unavailable';
import { toProblem } from './to-problem';

const SECRET = 'relation "secret_table" at 10.0.0.7';
const coded = <E extends Error>(error: E, code: string): E => Object.assign(error, { code });
const database = (code: string) => coded(new DatabaseError(SECRET, 1, 'error'), code);

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
