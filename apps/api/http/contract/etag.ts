import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isRead } from '../requests/is-read';
import { contextOf } from '../requests/request-context';
import { isAny, parseTags } from './tag-list';

/** The body of an answer and the version of the resource in it. */
export class Versioned<Body> {
  constructor(
    readonly body: Body,
    readonly version: number,
    /** Further content of the body that can change while the version stays the same. */
    readonly unversioned?: string | undefined,
  ) {}
}

/** The body of an answer about a resource without a version. Its `ETag` is a digest of its content. */
export class Digested<Body> {
  constructor(
    readonly body: Body,
    /** The part of the body from which the digest is made; the whole body by default. */
    readonly stablePart?: unknown,
  ) {}
}

/**
 * The return value of a controller's method whose answer has a digest of the body as its `ETag`. A client can send the
 * tag in `If-None-Match` and, if the tag is strong, in `If-Match` ({@link DigestPreconditions}).
 * @param stablePart the part of the body from which the digest is made, if the rest changes with each request; the tag
 * is then weak
 */
export const withDigest = <Body>(body: Body, stablePart?: unknown): Digested<Body> => new Digested(body, stablePart);

/**
 * The return value of a controller's method whose answer has the version as its strong `ETag`.
 * @param unversioned further content of the body that can change while the version stays the same: `If-None-Match`
 * compares it, `If-Match` does not
 */
export const withETag = <Body>(body: Body, version: number, unversioned?: string): Versioned<Body> =>
  new Versioned(body, version, unversioned);

const digestOf = (text: string, length: number): string =>
  createHash('sha256').update(text).digest('base64url').slice(0, length);

/**
 * Whose representation a tag is for: two tenants never share a tag, and neither do two resources. So a browser that
 * stored an answer for one tenant gets no 304 with it for another one, and a tag of one resource cannot protect a write
 * to another one.
 */
export const scopeOf = (tenantId: string | undefined, id: string): string => digestOf(`${tenantId ?? ''} ${id}`, 8);

/** The `ETag` of a version of a resource: `"7.<scope>"`. @param tenantId undefined outside of all tenants */
export const versionTag = (tenantId: string | undefined, id: string, version: number): string =>
  `"${version}.${scopeOf(tenantId, id)}"`;

const idInBody = (body: unknown): string => {
  const { id, userId } = body as { readonly id?: string; readonly userId?: string };
  return id ?? userId ?? '';
};

/** {@link versionTag}, or `"7.<scope>.<digest>"` with a digest of {@link Versioned.unversioned}. */
const etagOf = ({ body, version, unversioned }: Versioned<unknown>, request: FastifyRequest): string => {
  const tag = `${version}.${scopeOf(contextOf(request).principal?.tenantId, idInBody(body))}`;
  return unversioned === undefined ? `"${tag}"` : `"${tag}.${digestOf(unversioned, 12)}"`;
};

/**
 * A digest of 22 characters, of the content, the user and the route. It never equals the tag of a version, which
 * contains a dot.
 */
export const digestTagOf = ({ body, stablePart }: Digested<unknown>, request: FastifyRequest): string => {
  const { principal } = contextOf(request);
  const scope = `${principal?.tenantId ?? ''} ${principal?.userId ?? ''} ${request.routeOptions.url ?? ''}`;
  const weak = stablePart === undefined ? '' : 'W/';
  return `${weak}"${digestOf(`${scope}\n${JSON.stringify(stablePart ?? body)}`, 22)}"`;
};

/**
 * For the hook `preSerialization`: sets `ETag` and returns the body of a {@link Versioned} or {@link Digested} answer.
 */
export const unwrapTagged = (payload: unknown, request: FastifyRequest, reply: FastifyReply): unknown => {
  if (payload instanceof Versioned) reply.header('etag', etagOf(payload, request));
  else if (payload instanceof Digested) reply.header('etag', digestTagOf(payload, request));
  else return payload;
  return payload.body;
};

/** True if `If-None-Match` names the `ETag` of this answer (weak comparison), so that 304 can be sent instead. */
export const isNotModified = (request: FastifyRequest, reply: FastifyReply): boolean => {
  const field = request.headers['if-none-match'];
  if (field === undefined || reply.statusCode !== 200 || !isRead(request)) return false;
  const etag = reply.getHeader('etag');
  if (typeof etag !== 'string') return false;
  // A malformed header is ignored: a full answer is always correct.
  return isAny(field) || (parseTags(field)?.some(({ value }) => `"${value}"` === etag.replace(/^W\//, '')) ?? false);
};
