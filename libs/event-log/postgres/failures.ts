import { LogUnavailable } from '../port';
import { BatchFailed } from './append/append-queue';

/** The SQLSTATE of an error; undefined for a network error. The digit distinguishes a SQLSTATE from the code EPIPE. */
const sqlState = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
};

/** Classes of SQLSTATE for errors in the data of a statement: invalid values, violated constraints, exceeded limits. */
const DATA_ERRORS = ['22', '23', '54'];

/** The connection is unusable after these: shutdown, a crash of another backend, a primary that became a replica. */
const BROKEN_CONNECTION = new Set(['57P01', '57P02', '57P03', '57P05', '25006']);

/** Whether the connection on which this error occurred may be used again. */
export const isConnectionUsable = (error: unknown): boolean => {
  const state = sqlState(error);
  return state !== undefined && !state.startsWith('08') && !BROKEN_CONNECTION.has(state);
};

/**
 * Row-level security refused a row, because its tenant was erased. A missing grant has the same SQLSTATE, but is not a
 * fault of the data.
 */
const isForErasedTenant = (error: unknown): boolean =>
  sqlState(error) === '42501' && (error as { routine?: unknown }).routine === 'ExecWithCheckOptions';

/**
 * Another event has the next position, because the sequence is behind the last event, for example after a logical
 * restore that left out the sequence. This is not a fault of the data: `event_log.append` raises the sequence, so the
 * next attempt succeeds.
 */
const isPositionInUse = (error: unknown): boolean =>
  sqlState(error) === '23505' && (error as { constraint?: unknown }).constraint === 'events_pkey';

/** Derives the outcome of a batch from the error of its statement. An error without SQLSTATE is a network error. */
export const batchFailure = (error: unknown): BatchFailed => {
  const state = sqlState(error);
  if (state === undefined || state.startsWith('08') || state.startsWith('57P'))
    return new BatchFailed('unknown', error);
  if (isPositionInUse(error)) return new BatchFailed('rolled-back', error);
  const poisoned = DATA_ERRORS.includes(state.slice(0, 2)) || isForErasedTenant(error);
  return new BatchFailed(poisoned ? 'poisoned' : 'rolled-back', error);
};

export const unavailable = (error: unknown): LogUnavailable =>
  new LogUnavailable('the event log does not answer', { cause: error });
