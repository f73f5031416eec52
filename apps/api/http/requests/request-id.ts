import type { IncomingHttpHeaders } from 'node:http';
import { uuidv7 } from '#platform/ids/uuid';

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

/**
 * The trace id of a W3C `traceparent`; undefined if it is malformed, because the recommendation says to ignore it then.
 */
export const traceIdOf = (headers: IncomingHttpHeaders): string | undefined => {
  const { traceparent } = headers;
  return typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
};

/**
 * The id of a request: `X-Request-Id` if it is well-formed; otherwise the trace id of `traceparent`, so that the client
 * finds its trace id in logs and events; otherwise a new UUIDv7. A malformed header is replaced and not refused,
 * because a request must not fail because of an optional header.
 */
export const requestIdOf = (request: { readonly headers: IncomingHttpHeaders }): string => {
  const sent = request.headers['x-request-id'];
  if (typeof sent === 'string' && REQUEST_ID.test(sent)) return sent;
  return traceIdOf(request.headers) ?? uuidv7();
};
