import type { IncomingMessage } from 'node:http';
import type { Problem } from '#platform/problems';
import { invalid } from '../validation/validation';

/**
 * Fields of which one value decides: of two, a proxy before us might go by the other one than we (RFC 9110, 5.3). Node
 * takes the first of some and joins others.
 */
const SINGLE = ['Host', 'Content-Type', 'Authorization', 'Idempotency-Key', 'If-Position'];
/** Most fields are none of them by their length alone. */
const BY_LENGTH = new Map(SINGLE.map((name) => [name.length, name]));

/** What is wrong with the fields of a request as a whole; undefined where each has one meaning. */
export const findDuplicateHeader = ({
  headers,
  rawHeaders,
  httpVersionMinor,
}: IncomingMessage): Problem | undefined => {
  if (headers.host === undefined && httpVersionMinor > 0) return problemOf('Host', 'is required');
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at] as string;
    const name = BY_LENGTH.get(given.length);
    if (name === undefined || given.toLowerCase() !== name.toLowerCase()) continue;
    const bit = 1 << name.length;
    if (seen & bit) return problemOf(name, 'must not be sent twice');
    seen |= bit;
  }
  return undefined;
};

const problemOf = (name: string, message: string): Problem => invalid([{ pointer: `/header/${name}`, message }]);
