import type { IncomingMessage } from 'node:http';
import type { Problem } from '#platform/problems';
import { invalid } from '../validation/validation';

/**
 * Headers that must have one value: with two values, a proxy could use another one than this server (RFC 9110, 5.3).
 * Node uses the first value of some of them and joins the values of others.
 */
const SINGLE = ['Host', 'Content-Type', 'Authorization', 'Idempotency-Key', 'If-Position'];
/** By length, because the length of a name already excludes most headers. The lengths are different. */
const BY_LENGTH = new Map(SINGLE.map((name) => [name.length, name]));

/** @returns the problem if a header of {@link SINGLE} was sent twice or `Host` is missing, otherwise undefined */
export const findDuplicateHeader = ({
  headers,
  rawHeaders,
  httpVersionMinor,
}: IncomingMessage): Problem | undefined => {
  if (headers.host === undefined && httpVersionMinor > 0) return problemOf('Host', 'is required');
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const sent = rawHeaders[at] as string;
    const name = BY_LENGTH.get(sent.length);
    if (name === undefined || sent.toLowerCase() !== name.toLowerCase()) continue;
    const bit = 1 << name.length;
    if (seen & bit) return problemOf(name, 'must be sent once only');
    seen |= bit;
  }
  return undefined;
};

const problemOf = (name: string, message: string): Problem => invalid([{ pointer: `/header/${name}`, message }]);
