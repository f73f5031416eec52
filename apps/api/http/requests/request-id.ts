import type { IncomingHttpHeaders } from 'node:http';
import { uuidv7 } from '#platform/ids/uuid';

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

/** The trace id of a well-formed W3C `traceparent`, else undefined: the recommendation wants a malformed one ignored. */
export const traceIdOf = (headers: IncomingHttpHeaders): string | undefined => {
  const { traceparent } = headers;
  return typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
};

/**
 * The id of a request: `X-Request-Id` if it is well formed; else the trace id of `traceparent`, so that what a traced
 * client causes is found under the id that it knows; else a new UUIDv7. A malformed one is replaced and not refused: a
 * client must not fail over a header that is for its own convenience.
 */
export const requestIdOf = (request: { readonly headers: IncomingHttpHeaders }): string => {
  const given = request.headers['x-request-id'];
  if (typeof given === 'string' && REQUEST_ID.test(given)) return given;
  return traceIdOf(request.headers) ?? uuidv7();
};
