import { createHash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';
import { ACCEPTS_IF_MATCH } from '../openapi/documented';

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
 * tag in `If-None-Match` and, if the tag is strong, in `If-Match` ({@link IfMatchDigest}).
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

/** `"7"`, or `"7.Zm9vYmFyYmF6"` with a digest of {@link Versioned.unversioned}. */
const etagOf = ({ version, unversioned }: Versioned<unknown>): string =>
  unversioned === undefined ? `"${version}"` : `"${version}.${digestOf(unversioned, 12)}"`;

/** A digest of 22 characters. It never equals the tag of a version, which has at most 9 digits or contains a dot. */
const digestTagOf = ({ body, stablePart }: Digested<unknown>): string =>
  `${stablePart === undefined ? '' : 'W/'}"${digestOf(JSON.stringify(stablePart ?? body), 22)}"`;

const TAG = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;
/** Finds the tags of a comma-separated list; a comma inside the quotes of a tag is a part of the tag. */
const TAGS = /(?:W\/)?"[^"]*"|[^\s,][^,]*/g;

interface Tag {
  readonly weak: boolean;
  readonly value: string;
}

/** Undefined if the header is malformed. */
const parseTags = (field: string): Tag[] | undefined => {
  const tags: Tag[] = [];
  const rest = field.replaceAll(TAGS, (text) => {
    const tag = TAG.exec(text.trim());
    if (tag) tags.push({ weak: tag[1] !== undefined, value: tag[2] ?? '' });
    return tag ? '' : '!';
  });
  return tags.length > 0 && /^[\s,]*$/.test(rest) ? tags : undefined;
};

/** The version in a tag; undefined if {@link etagOf} cannot have made the tag. */
const versionOf = ({ weak, value }: Tag): number | undefined =>
  !weak && /^(0|[1-9]\d{0,8})(\.[\w-]{12})?$/.test(value) ? Number.parseInt(value, 10) : undefined;

/**
 * The tags in `If-Match`; undefined if every version matches (`*`, or no such header).
 * @throws Problem validation-failed: the header is malformed
 */
const expectedTagsOf = ({ headers }: FastifyRequest): Tag[] | undefined => {
  const field = headers['if-match'];
  if (field === undefined || field.trim() === '*') return undefined;
  const tags = parseTags(field);
  if (!tags) throw invalid('must be * or an ETag from an earlier answer');
  return tags;
};

/**
 * The version in `If-Match`; undefined if every version matches (`*`, or no such header). A weak tag never matches (RFC
 * 9110, 13.1.1), and neither does a tag that this API did not make.
 * @throws Problem validation-failed: the header is malformed or names several versions
 * @throws Problem precondition-failed: no tag is the tag of a version
 */
const expectedVersionOf = (request: FastifyRequest): number | undefined => {
  const tags = expectedTagsOf(request);
  if (!tags) return undefined;
  const versions = new Set(tags.map(versionOf).filter((version) => version !== undefined));
  if (versions.size > 1) throw invalid('must name one version');
  const [version] = versions;
  if (version === undefined)
    throw new Problem('precondition-failed', {
      detail: 'If-Match does not name a version of this resource. Send the ETag from an earlier answer.',
    });
  return version;
};

const invalid = (message: string): Problem =>
  new Problem('validation-failed', {
    detail: `If-Match ${message}.`,
    errors: [{ pointer: '/header/If-Match', message }],
  });

/** Marks the method for the OpenAPI document and for {@link acceptsIfMatch}. */
function documentIfMatch(target: object, method: string | symbol | undefined): void {
  const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
  if (method === undefined || !descriptor) return;
  ApiExtension(ACCEPTS_IF_MATCH, true)(target, method, descriptor);
  Reflect.defineMetadata(ACCEPTS_IF_MATCH, true, descriptor.value as object);
}

/** Parameter of a controller's method: the result of {@link expectedVersionOf}, with the same errors. */
export const IfMatch = createParamDecorator(
  (_: unknown, execution: ExecutionContext): number | undefined =>
    expectedVersionOf(execution.switchToHttp().getRequest()),
  [documentIfMatch],
);

/** True if the client has named the digest of this body in `If-Match`. */
export type MatchesEtag = (body: unknown) => boolean;

/**
 * Parameter of a controller's method about a resource without a version: compares a body with `If-Match`; undefined if
 * every body matches (`*`, or no such header).
 * @throws Problem validation-failed: the header is malformed
 */
export const IfMatchDigest = createParamDecorator(
  (_: unknown, execution: ExecutionContext): MatchesEtag | undefined => {
    const tags = expectedTagsOf(execution.switchToHttp().getRequest());
    return tags && ((body) => tags.some(({ weak, value }) => !weak && `"${value}"` === digestTagOf(withDigest(body))));
  },
  [documentIfMatch],
);

/** True if a controller's method has a parameter {@link IfMatch} or {@link IfMatchDigest}. */
export const acceptsIfMatch = (handler: object): boolean => Reflect.hasMetadata(ACCEPTS_IF_MATCH, handler);

/**
 * Refuses a write with `If-Match` to a resource without versions, because it could overwrite a change that the client
 * has not seen (RFC 9110, 13.1.1).
 * @throws Problem validation-failed: the header is malformed
 * @throws Problem precondition-failed: the header names a version
 */
export const refuseIfMatch = (request: FastifyRequest): void => {
  if (request.headers['if-match'] === undefined || request.method === 'GET' || request.method === 'HEAD') return;
  if (expectedTagsOf(request))
    throw new Problem('precondition-failed', {
      detail: 'This resource has no versions. Send the request without If-Match.',
    });
};

/**
 * For the hook `preSerialization`: sets `ETag` and returns the body of a {@link Versioned} or {@link Digested} answer.
 */
export const unwrapTagged = (payload: unknown, reply: FastifyReply): unknown => {
  if (payload instanceof Versioned) reply.header('etag', etagOf(payload));
  else if (payload instanceof Digested) reply.header('etag', digestTagOf(payload));
  else return payload;
  return payload.body;
};

/** True if `If-None-Match` names the `ETag` of this answer (weak comparison), so that 304 can be sent instead. */
export const isNotModified = (request: FastifyRequest, reply: FastifyReply): boolean => {
  const field = request.headers['if-none-match'];
  if (field === undefined || reply.statusCode !== 200 || (request.method !== 'GET' && request.method !== 'HEAD')) {
    return false;
  }
  const etag = reply.getHeader('etag');
  if (typeof etag !== 'string') return false;
  // A malformed header is ignored: a full answer is always correct.
  return (
    field.trim() === '*' || (parseTags(field)?.some(({ value }) => `"${value}"` === etag.replace(/^W\//, '')) ?? false)
  );
};
