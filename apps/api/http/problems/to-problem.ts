import { HttpException } from '@nestjs/common';
import { DatabaseError } from 'pg';
import { IntakeFull } from '#billing/inbox/webhook-intake';
import { StripeUnavailable } from '#billing/stripe/stripe-unavailable';
import { Refusal } from '#domain/refusal';
import { StaleVersion } from '#event-log/aggregate/aggregate-store';
import { HistoryOfNewerRelease } from '#event-log/aggregate/fold-onto';
import { AppendOutcomeUnknown, InvalidAppend, LogUnavailable, WrongExpectedVersion } from '#event-log/port';
import { isConnectionSuspect } from '#platform/database/connections/pools';
import { isConnectionRefused } from '#platform/error-code';
import { Problem, type ProblemName } from '#platform/problems';

/** Seconds after which a client may repeat a request that failed because a service was not available. */
const RETRY_SECONDS = 1;
const STRIPE_RETRY_SECONDS = 5;

/**
 * Translates any thrown value to the problem in the answer. An unknown error becomes `internal-error`, and its text is
 * not sent.
 */
export const toProblem = (error: unknown): Problem => {
  if (error instanceof Problem) return error;
  if (error instanceof Refusal) {
    const { reason, detail, members } = error;
    return new Problem(reason, { detail, ...(members && { members }) }, { cause: error });
  }
  if (error instanceof StripeUnavailable) {
    const detail = 'Stripe does not answer, so nothing was changed. Try again after the seconds in Retry-After.';
    return new Problem('dependency-unavailable', { detail, retryAfter: STRIPE_RETRY_SECONDS }, { cause: error });
  }
  if (error instanceof IntakeFull)
    return unavailable(error, 'Too many webhooks are waiting to be stored. Send the event again later.');
  if (error instanceof HttpException) return ofHttpException(error);
  return (
    ofEventLog(error) ?? ofFastify(error) ?? ofDependency(error) ?? new Problem('internal-error', {}, { cause: error })
  );
};

const ofEventLog = (error: unknown): Problem | undefined => {
  if (error instanceof LogUnavailable)
    return unavailable(
      error,
      'The event log is not available, so nothing was written. Try again after the seconds in Retry-After.',
    );
  if (error instanceof AppendOutcomeUnknown) {
    const detail =
      'It is not known whether this was written. Repeat the request with the same Idempotency-Key to get the result.';
    return unavailable(error, detail);
  }
  if (error instanceof HistoryOfNewerRelease) {
    const detail =
      'A newer release has changed this resource, and this server cannot read the change. Try again later.';
    return unavailable(error, detail);
  }
  if (error instanceof StaleVersion) return new Problem('precondition-failed', {}, { cause: error });
  if (error instanceof WrongExpectedVersion) {
    const detail = 'Other requests kept changing the same resource. Try again.';
    return new Problem('conflict', { detail }, { cause: error });
  }
  if (error instanceof InvalidAppend) {
    const detail =
      'The change cannot be stored: it is too large or contains too many changes at once. Split it into smaller requests.';
    return new Problem('validation-failed', { detail }, { cause: error });
  }
  return undefined;
};

const unavailable = (cause: unknown, detail: string): Problem =>
  new Problem('dependency-unavailable', { detail, retryAfter: RETRY_SECONDS }, { cause });

/**
 * Temporary errors of PostgreSQL by SQLSTATE. Whole classes by their first two characters: 08 connection, 28 refused
 * login, 3D database, 40 transaction rollback, 53 resources, 55 locked or not in the required state, 57 operator, 58
 * system, F0 configuration, XX internal. Single codes: a primary that became read-only (25006), a transaction that was
 * idle for too long (25P03) or took too long (25P04), a prepared statement that its connection has lost (26000).
 */
const TEMPORARY = /^(08|25006|25P03|25P04|26000|28|3D|40|53|55|57|58|F0|XX)/;
/**
 * Message with 0A000 if the table of a prepared statement was replaced. The next attempt prepares the statement again.
 */
const STALE_PLAN = /^cached plan must not change result type/;
const UNREACHABLE =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENETDOWN|ETIMEDOUT)$/;

const REDIS_ERRORS = /^(MaxRetriesPerRequestError|ClusterAllFailedError)$/;
/** Errors of ioredis without a name or a code, and errors that Redis sends while it cannot process commands. */
const REDIS_UNAVAILABLE =
  /^(Connection is closed|Command timed out|Stream isn't writeable|Socket closed unexpectedly|(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|OOM|MISCONF|NOREPLICAS|NOAUTH|WRONGPASS) )/;
const isRedisUnavailable = (error: object): boolean =>
  ('name' in error && REDIS_ERRORS.test(String(error.name))) ||
  ('message' in error && REDIS_UNAVAILABLE.test(String(error.message)));

/**
 * The problem of an unavailable service; undefined for any other error.
 * @param depth maximum number of causes that are inspected, because causes can be circular
 */
const ofDependency = (error: unknown, depth = 5): Problem | undefined => {
  // Errors of Node's sockets can come from another realm, where `instanceof` does not work.
  if (typeof error !== 'object' || error === null) return undefined;
  if (depth > 0 && 'errors' in error && Array.isArray(error.errors) && error.errors.length > 0)
    return ofDependency(error.errors[0], depth - 1);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const unreachable =
    error instanceof DatabaseError
      ? TEMPORARY.test(code) || STALE_PLAN.test(error.message)
      : UNREACHABLE.test(code) || isConnectionRefused(error) || isRedisUnavailable(error);
  // An `E…` code of something other than a connection, such as a file, is an error of this server.
  const suspect = isConnectionSuspect(error) && (error instanceof DatabaseError || code === '');
  if (unreachable || suspect)
    return unavailable(
      error,
      'A service that this request needs is not available. Try again after the seconds in Retry-After.',
    );
  // An error that wraps another one is translated like its cause.
  return depth > 0 && 'cause' in error ? ofDependency(error.cause, depth - 1) : undefined;
};

const FASTIFY: Readonly<Record<string, readonly [ProblemName, string]>> = {
  FST_ERR_BAD_URL: [
    'validation-failed',
    'The path contains a percent escape that cannot be decoded. Correct the escape.',
  ],
  FST_ERR_MAX_PARAM_LENGTH: ['validation-failed', 'A part of the path is longer than 512 characters. Shorten it.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['body-too-large', 'The body is larger than 256 KiB. Send a smaller one.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported-media-type', 'Send the body as application/json.'],
  FST_ERR_CTP_EMPTY_TYPE: ['unsupported-media-type', 'Send the body as application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'validation-failed',
    'The length of the body differs from Content-Length. Send the correct length.',
  ],
};

const ofFastify = (error: unknown): Problem | undefined => {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const known = FASTIFY[error.code];
  if (known) return new Problem(known[0], { detail: known[1] }, { cause: error });
  if (!error.code.startsWith('FST_') || !('statusCode' in error)) return undefined;
  const status = Number(error.statusCode);
  return status >= 400 && status < 500 ? ofStatus(status, undefined, error) : undefined;
};

const ofHttpException = (error: HttpException): Problem => {
  const known = ofFastify(error.cause);
  if (known) return known;
  const status = error.getStatus();
  // If there is a cause, Nest took the message from another error, and it may be an internal text.
  return ofStatus(status, error.cause === undefined ? error.message : undefined, error);
};

const BY_STATUS: Readonly<Record<number, ProblemName>> = {
  400: 'validation-failed',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  406: 'not-acceptable',
  409: 'conflict',
  410: 'gone',
  412: 'precondition-failed',
  413: 'body-too-large',
  415: 'unsupported-media-type',
  429: 'rate-limited',
  503: 'dependency-unavailable',
};

const ofStatus = (status: number, detail: string | undefined, cause: Error): Problem => {
  const name = BY_STATUS[status] ?? (status < 500 ? 'validation-failed' : 'internal-error');
  const isForClient = detail !== undefined && status < 500 && !GENERIC.test(detail);
  return new Problem(
    name,
    { ...(isForClient && { detail }), ...(name === 'dependency-unavailable' && { retryAfter: RETRY_SECONDS }) },
    { cause },
  );
};

/** Default messages of Nest's exceptions. They say nothing beyond the title of the problem. */
const GENERIC = /^(Cannot [A-Z]+ |Forbidden resource$|Http Exception$|[A-Z][a-z]+( [A-Z][a-z]+)* ?(Exception)?$)/;
