import { createHash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';
import { TAKES_IF_MATCH } from '../openapi/documented';

/** A body together with the version of what it shows. */
export class Versioned<Body> {
  constructor(
    readonly body: Body,
    readonly version: number,
    /** What else it shows, that changes without the version. */
    readonly beside?: string | undefined,
  ) {}
}

/** A body of which no event counts the versions: it is the same while it says the same. */
export class Digested<Body> {
  constructor(
    readonly body: Body,
    /** What of it makes it another one; all of it by default. */
    readonly lasting?: unknown,
  ) {}
}

/**
 * Return it from a controller's method: the answer carries a digest of the body as its `ETag`, for `If-None-Match`, and
 * where it is strong for {@link IfMatchDigest}.
 * @param lasting what the digest is made of where the rest changes with each request; the tag is weak then
 */
export const withDigest = <Body>(body: Body, lasting?: unknown): Digested<Body> => new Digested(body, lasting);

/**
 * Return it from a controller's method: the answer carries the version as its strong `ETag`.
 * @param beside what the body shows that changes without the version: `If-None-Match` minds it, `If-Match` does not
 */
export const withETag = <Body>(body: Body, version: number, beside?: string): Versioned<Body> =>
  new Versioned(body, version, beside);

const digestOf = (text: string, length: number): string =>
  createHash('sha256').update(text).digest('base64url').slice(0, length);

/** `"7"`, or `"7.Zm9vYmFyYmF6"` with something beside the version. */
const etagOf = ({ version, beside }: Versioned<unknown>): string =>
  beside === undefined ? `"${version}"` : `"${version}.${digestOf(beside, 12)}"`;

/** As long as no tag of a version is. */
const digestTagOf = ({ body, lasting }: Digested<unknown>): string =>
  `${lasting === undefined ? '' : 'W/'}"${digestOf(JSON.stringify(lasting ?? body), 22)}"`;

const TAG = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;
/** Splits at the commas between tags; one inside a tag's quotes stays. */
const TAGS = /(?:W\/)?"[^"]*"|[^\s,][^,]*/g;

interface Tag {
  readonly weak: boolean;
  readonly value: string;
}

/** Undefined where the field is malformed. */
const parseTags = (field: string): Tag[] | undefined => {
  const tags: Tag[] = [];
  const rest = field.replaceAll(TAGS, (text) => {
    const tag = TAG.exec(text.trim());
    if (tag) tags.push({ weak: tag[1] !== undefined, value: tag[2] ?? '' });
    return tag ? '' : '!';
  });
  return tags.length > 0 && /^[\s,]*$/.test(rest) ? tags : undefined;
};

/** Version of a tag that {@link etagOf} could have made. */
const versionOf = ({ weak, value }: Tag): number | undefined =>
  !weak && /^(0|[1-9]\d{0,8})(\.[\w-]{12})?$/.test(value) ? Number.parseInt(value, 10) : undefined;

/**
 * What the client insists on (`If-Match`); undefined where it insists on nothing (`*`, or no field).
 * @throws Problem validation-failed
 */
const expectedTagsOf = ({ headers }: FastifyRequest): Tag[] | undefined => {
  const field = headers['if-match'];
  if (field === undefined || field.trim() === '*') return undefined;
  const tags = parseTags(field);
  if (!tags) throw invalid('must be * or an ETag from an earlier answer');
  return tags;
};

/**
 * The version that the client insists on (`If-Match`); undefined where it insists on none (`*`, or no field).
 * A weak tag never matches (RFC 9110, 13.1.1), and neither does one that was not made here.
 * @throws Problem validation-failed, precondition-failed
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

/** Tells the OpenAPI document and {@link takesIfMatch} of it. */
function documentIfMatch(target: object, method: string | symbol | undefined): void {
  const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
  if (method === undefined || !descriptor) return;
  ApiExtension(TAKES_IF_MATCH, true)(target, method, descriptor);
  Reflect.defineMetadata(TAKES_IF_MATCH, true, descriptor.value as object);
}

/** Hands {@link expectedVersionOf} the request to a controller's method. */
export const IfMatch = createParamDecorator(
  (_: unknown, execution: ExecutionContext): number | undefined =>
    expectedVersionOf(execution.switchToHttp().getRequest()),
  [documentIfMatch],
);

/** True for the body that the client has seen, of those that {@link withDigest} tags. */
export type Seen = (body: unknown) => boolean;

/** Hands a controller's method what the client insists on of a body without a version; undefined where on nothing. */
export const IfMatchDigest = createParamDecorator(
  (_: unknown, execution: ExecutionContext): Seen | undefined => {
    const tags = expectedTagsOf(execution.switchToHttp().getRequest());
    return tags && ((body) => tags.some(({ weak, value }) => !weak && `"${value}"` === digestTagOf(withDigest(body))));
  },
  [documentIfMatch],
);

/** Whether a controller's method minds `If-Match`. */
export const takesIfMatch = (handler: object): boolean => Reflect.hasMetadata(TAKES_IF_MATCH, handler);

/**
 * Refuses a write that insists on a version where there is none: done all the same it might overwrite what its sender has
 * not seen (RFC 9110, 13.1.1).
 * @throws Problem validation-failed, precondition-failed
 */
export const refuseIfMatch = (request: FastifyRequest): void => {
  if (request.headers['if-match'] === undefined || request.method === 'GET' || request.method === 'HEAD') return;
  if (expectedTagsOf(request))
    throw new Problem('precondition-failed', {
      detail: 'This resource has no versions. Send the request without If-Match.',
    });
};

/** preSerialization: unwraps a {@link Versioned} or {@link Digested} body. */
export const unwrapTagged = (payload: unknown, reply: FastifyReply): unknown => {
  if (payload instanceof Versioned) reply.header('etag', etagOf(payload));
  else if (payload instanceof Digested) reply.header('etag', digestTagOf(payload));
  else return payload;
  return payload.body;
};

/** True where the client has this representation already (`If-None-Match`, weak comparison), so that 304 is the answer. */
export const isNotModified = (request: FastifyRequest, reply: FastifyReply): boolean => {
  const field = request.headers['if-none-match'];
  if (field === undefined || reply.statusCode !== 200 || (request.method !== 'GET' && request.method !== 'HEAD')) {
    return false;
  }
  const etag = reply.getHeader('etag');
  if (typeof etag !== 'string') return false;
  // A malformed field is no condition: the full answer is always right.
  return (
    field.trim() === '*' || (parseTags(field)?.some(({ value }) => `"${value}"` === etag.replace(/^W\//, '')) ?? false)
  );
};
