import { DatabaseError } from 'pg';
import { AppendOutcomeUnknown, LogUnavailable } from '#event-log/port';
import { isConnectionSuspect } from '#platform/database/connections/pools';
import { DependencyNotReady } from '../reaction';

/** Lock timeouts, deadlocks, serialization failures, and a server that is read-only or accepts no logins. */
const RETRYABLE_CODES = /^(25006|28|3D|40001|40P01|55000|55P03)/;
/** A canceled statement took too long, which the event may have caused. It must not delay all later events for ever. */
const CANCELLED = '57014';

/** True if the event is not the cause of a failure: a dependency is not available, or its data is not there yet. */
export const isRetryable = (error: unknown): boolean => {
  if (error instanceof DependencyNotReady || error instanceof LogUnavailable || error instanceof AppendOutcomeUnknown)
    return true;
  const code = error instanceof DatabaseError ? (error.code ?? '') : '';
  return code !== CANCELLED && (RETRYABLE_CODES.test(code) || isConnectionSuspect(error));
};

/** An attempt took too long. It may still be running. */
class TookTooLong extends Error {
  override readonly name = 'TookTooLong';
}

/** Waits for `work`. @throws TookTooLong after `ms`, or the error of `work` */
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
