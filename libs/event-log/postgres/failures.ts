import { LogUnavailable } from '../port';
import { BatchFailed } from './append/append-queue';

/** Each has a digit; EPIPE, which is the wire's, has none. */
const sqlState = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
};

/** Classes of SQLSTATE that speak of the data in a statement: numeric, text and JSON errors, integrity constraints. */
const DATA = ['22', '23', '54'];

/** After these the connection itself is no good: shutdown, a crash of another backend, a primary that became a replica. */
const BROKEN = new Set(['57P01', '57P02', '57P03', '57P05', '25006']);

/** Whether the connection on which this happened may be used again. */
export const isConnectionUsable = (error: unknown): boolean => {
  const state = sqlState(error);
  return state !== undefined && !state.startsWith('08') && !BROKEN.has(state);
};

/** Row-level security refuses a row: of a tenant that was erased. A missing grant has the same state, and is no poison. */
const isForErased = (error: unknown): boolean =>
  sqlState(error) === '42501' && (error as { routine?: unknown }).routine === 'ExecWithCheckOptions';

/**
 * The next position is taken: the sequence is behind the events, as after a logical restore without it. No fault of the
 * data; `event_log.append` raises the sequence, so that the next attempt is taken.
 */
const isTakenPosition = (error: unknown): boolean =>
  sqlState(error) === '23505' && (error as { constraint?: unknown }).constraint === 'events_pkey';

/** What an error of a batch's statement says about the batch. An error that carries no SQLSTATE came from the wire. */
export const batchFailure = (error: unknown): BatchFailed => {
  const state = sqlState(error);
  if (state === undefined || state.startsWith('08') || state.startsWith('57P'))
    return new BatchFailed('unknown', error);
  if (isTakenPosition(error)) return new BatchFailed('rolled-back', error);
  const poisoned = DATA.includes(state.slice(0, 2)) || isForErased(error);
  return new BatchFailed(poisoned ? 'poisoned' : 'rolled-back', error);
};

export const unavailable = (error: unknown): LogUnavailable =>
  new LogUnavailable('the event log does not answer', { cause: error });
