import { DatabaseError } from 'pg';
import { AppendOutcomeUnknown, LogUnavailable } from '#event-log/port';
import { isConnectionSuspect } from '#platform/database/connections/pools';
import { NotYet } from '../reaction';

/** Lock timeouts, deadlocks, serialization, a server that is read-only or takes no logins. */
const NOT_NOW = /^(25006|28|3D|40001|40P01|55000|55P03)/;
/** A statement that took too long may be the event's fault: it must not keep all others waiting for ever. */
const CANCELLED = '57014';

/** True where a failure says nothing of the event: what it needs is not available, or not there yet. */
export const isRetryable = (error: unknown): boolean => {
  if (error instanceof NotYet || error instanceof LogUnavailable || error instanceof AppendOutcomeUnknown) return true;
  const code = error instanceof DatabaseError ? (error.code ?? '') : '';
  return code !== CANCELLED && (NOT_NOW.test(code) || isConnectionSuspect(error));
};

/** An attempt took too long. It may still be at it. */
class TookTooLong extends Error {
  override readonly name = 'TookTooLong';
}

/** @throws what `work` throws, or that it took more than `ms` */
export const withDeadline = async (ms: number, work: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TookTooLong(`not done after ${ms / 1_000} s`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};
