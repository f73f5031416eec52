import { AccessDeniedError } from '@eventstore/db-client';
import { LogDenied, LogUnavailable } from '../port';

/** The codes of gRPC that make a difference here. Their library is the client's own dependency, not ours. */
export const GRPC = { deadlineExceeded: 4, permissionDenied: 7, unavailable: 14, unauthenticated: 16 } as const;

/** Nothing has reached the server: neither now nor later will the append be written. */
export class NotSent extends Error {
  override readonly name = 'NotSent';
}

/** The append was sent, and what became of it is not known. It may still be written later. */
export class OutcomeLost extends Error {
  override readonly name = 'OutcomeLost';
}

/** The connection string can't be used; the message says what to change. */
export class InvalidConnectionString extends Error {
  override readonly name = 'InvalidConnectionString';
}

/** The server answered, and refuses this user. */
export const isDenied = (error: unknown): boolean => {
  if (error instanceof AccessDeniedError || error instanceof LogDenied) return true;
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === GRPC.unauthenticated || code === GRPC.permissionDenied;
};

/** The node answers, and knows no leader: it has lost the connection to the others, or an election is under way. */
export const knowsNoLeader = (error: unknown): boolean =>
  error instanceof Error && /no leader info/i.test(error.message);

/**
 * The client's errors have no telling `name`, some no `message`, and a few are strings; the gRPC code and the text are
 * kept in the cause.
 */
export const unavailable = (doing: string, cause?: unknown): LogUnavailable => {
  if (cause instanceof LogUnavailable) return cause;
  if (isDenied(cause)) return new LogDenied(`${doing}: the server denies it to this user`, { cause });
  const said = cause instanceof Error ? cause.message : typeof cause === 'string' ? cause : '';
  return new LogUnavailable(said ? `${doing}: ${said}` : doing, { cause });
};
