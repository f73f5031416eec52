import { LogUnavailable } from '../port';

/** Nothing has reached the server: neither now nor later will the append be written. */
export class NotSent extends Error {
  override readonly name = 'NotSent';
}

/** The append was sent, and what became of it is not known. It may still be written later. */
export class OutcomeLost extends Error {
  override readonly name = 'OutcomeLost';
}

/**
 * The client's errors have no telling `name`, some no `message`, and a few are strings; the gRPC code and the text are
 * kept in the cause.
 */
export const unavailable = (doing: string, cause?: unknown): LogUnavailable => {
  if (cause instanceof LogUnavailable) return cause;
  const said = cause instanceof Error ? cause.message : typeof cause === 'string' ? cause : '';
  return new LogUnavailable(said ? `${doing}: ${said}` : doing, { cause });
};
