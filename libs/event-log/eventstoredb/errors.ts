import { AccessDeniedError } from '@eventstore/db-client';
import { LogDenied, LogUnavailable } from '../port';

/** The gRPC codes that are distinguished here. The library that defines them is a dependency of the client only. */
export const GRPC = { deadlineExceeded: 4, permissionDenied: 7, unavailable: 14, unauthenticated: 16 } as const;

/** The append was not sent, so it will never be written. */
export class NotSent extends Error {
  override readonly name = 'NotSent';
}

/** The append was sent, but its outcome is not known. It may still be written later. */
export class OutcomeLost extends Error {
  override readonly name = 'OutcomeLost';
}

/** The connection string cannot be used; the message says what to change. */
export class InvalidConnectionString extends Error {
  override readonly name = 'InvalidConnectionString';
}

/** Whether the server answered and denied the call to this user. */
export const isDenied = (error: unknown): boolean => {
  if (error instanceof AccessDeniedError || error instanceof LogDenied) return true;
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === GRPC.unauthenticated || code === GRPC.permissionDenied;
};

/** Whether the node answered that it knows no leader: it has lost the other nodes, or an election is in progress. */
export const knowsNoLeader = (error: unknown): boolean =>
  error instanceof Error && /no leader info/i.test(error.message);

/**
 * Converts an error of the client. The client's errors have no useful `name`, some have no `message`, and a few are
 * strings. The original error, with its gRPC code, is the cause.
 * @param failure what failed, as the beginning of the message
 */
export const unavailable = (failure: string, cause?: unknown): LogUnavailable => {
  if (cause instanceof LogUnavailable) return cause;
  if (isDenied(cause)) return new LogDenied(`${failure}: the server denies it to this user`, { cause });
  const message = cause instanceof Error ? cause.message : typeof cause === 'string' ? cause : '';
  return new LogUnavailable(message ? `${failure}: ${message}` : failure, { cause });
};
