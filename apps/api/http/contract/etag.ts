import { createHash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RequiredVersion } from '#domain/command';
import { Problem } from '#platform/problems';
import { ACCEPTS_IF_MATCH } from '../openapi/documented';
import { contextOf } from '../requests/request-context';

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
const scopeOf = (tenantId: string | undefined, id: string): string => digestOf(`${tenantId ?? ''} ${id}`, 8);

/** The `ETag` of a version of a resource: `"7.<scope>"`. @param tenantId undefined outside of all tenants */
export const versionTag = (tenantId: string | undefined, id: string, version: number): string =>
  `"${version}.${scopeOf(tenantId, id)}"`;

/** The id in the path; the tenant's id for a path without one, such as `/v1/tenant`. */
const idInPath = (request: FastifyRequest): string => {
  const [id] = Object.values((request.params ?? {}) as Record<string, string>);
  return id ?? contextOf(request).principal?.tenantId ?? '';
};

const idInBody = (body: unknown): string => {
  const { id, userId } = body as { readonly id?: string; readonly userId?: string };
  return id ?? userId ?? '';
};

/** {@link versionTag}, or `"7.<scope>.<digest>"` with a digest of {@link Versioned.unversioned}. */
const etagOf = ({ body, version, unversioned }: Versioned<unknown>, request: FastifyRequest): string => {
  const tag = versionTag(contextOf(request).principal?.tenantId, idInBody(body), version);
  return unversioned === undefined ? tag : tag.replace(/"$/, `.${digestOf(unversioned, 12)}"`);
};

/**
 * A digest of 22 characters, of the content, the user and the route. It never equals the tag of a version, which
 * contains a dot.
 */
const digestTagOf = ({ body, stablePart }: Digested<unknown>, request: FastifyRequest): string => {
  const { principal } = contextOf(request);
  const scope = `${principal?.tenantId ?? ''} ${principal?.userId ?? ''} ${request.routeOptions.url ?? ''}`;
  const weak = stablePart === undefined ? '' : 'W/';
  return `${weak}"${digestOf(`${scope}\n${JSON.stringify(stablePart ?? body)}`, 22)}"`;
};

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
  // Each tag becomes a T, so that the form of the list can be checked.
  const list = field.replaceAll(TAGS, (text) => {
    const tag = TAG.exec(text.trim());
    if (tag) tags.push({ weak: tag[1] !== undefined, value: tag[2] ?? '' });
    return tag ? 'T' : '!';
  });
  return /^[\s,]*T(?:\s*,[\s,]*T)*[\s,]*$/.test(list) ? tags : undefined;
};

/** The version in a tag of the resource in the path; undefined if {@link etagOf} has not made the tag for it. */
const versionIn = ({ weak, value }: Tag, scope: string): number | undefined => {
  const [, version, tagScope] = /^(0|[1-9]\d{0,8})\.([\w-]{8})(?:\.[\w-]{12})?$/.exec(value) ?? [];
  return !weak && tagScope === scope ? Number(version) : undefined;
};

const isAny = (field: string): boolean => field.trim() === '*';

/**
 * The tags of a header; undefined if the header is missing.
 * @throws Problem validation-failed: the header is malformed
 */
const tagsOf = (name: 'If-Match' | 'If-None-Match', { headers }: FastifyRequest): Tag[] | '*' | undefined => {
  const field = headers[name.toLowerCase() as 'if-match' | 'if-none-match'];
  if (field === undefined) return undefined;
  if (isAny(field)) return '*';
  const tags = parseTags(field);
  if (!tags) throw invalid(name, 'must be * or ETags from earlier answers');
  return tags;
};

const exists = (): Problem =>
  new Problem('precondition-failed', {
    detail: 'If-None-Match: * requires that the resource does not exist, but it does. Send the request without it.',
  });

/**
 * The versions that the preconditions of a write require and exclude (RFC 9110, 13.1); undefined if the write is for any
 * version. A weak tag never matches `If-Match`, and neither does a tag that this API has not made for the resource.
 * @throws Problem validation-failed: a header is malformed
 * @throws Problem precondition-failed: `If-None-Match` is `*`
 */
const requiredVersionOf = (request: FastifyRequest): RequiredVersion => {
  const [wanted, excluded] = [tagsOf('If-Match', request), tagsOf('If-None-Match', request)];
  if (excluded === '*') throw exists();
  const scope = scopeOf(contextOf(request).principal?.tenantId, idInPath(request));
  const versionsIn = (tags: readonly Tag[]): number[] =>
    tags.flatMap((tag) => versionIn({ ...tag, weak: tags === wanted && tag.weak }, scope) ?? []);
  const anyOf = wanted === undefined || wanted === '*' ? undefined : versionsIn(wanted);
  const noneOf = excluded === undefined ? undefined : versionsIn(excluded);
  if (anyOf === undefined && noneOf === undefined) return undefined;
  return { ...(anyOf && { anyOf }), ...(noneOf && { noneOf }) };
};

const invalid = (name: string, message: string): Problem =>
  new Problem('validation-failed', {
    detail: `${name} ${message}.`,
    errors: [{ pointer: `/header/${name}`, message }],
  });

/** Marks the method for the OpenAPI document and for {@link acceptsIfMatch}. */
function documentIfMatch(target: object, method: string | symbol | undefined): void {
  const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
  if (method === undefined || !descriptor) return;
  ApiExtension(ACCEPTS_IF_MATCH, true)(target, method, descriptor);
  Reflect.defineMetadata(ACCEPTS_IF_MATCH, true, descriptor.value as object);
}

/** Parameter of a controller's method: the result of {@link requiredVersionOf}, with the same errors. */
export const Preconditions = createParamDecorator(
  (_: unknown, execution: ExecutionContext): RequiredVersion =>
    requiredVersionOf(execution.switchToHttp().getRequest()),
  [documentIfMatch],
);

/** True if this body meets the preconditions of the request. */
export type MatchesEtag = (body: unknown) => boolean;

/**
 * Parameter of a controller's method about a resource without a version: compares the digest of a body with `If-Match`
 * and `If-None-Match`; undefined if the request is for every body.
 * @throws Problem validation-failed: a header is malformed
 * @throws Problem precondition-failed: `If-None-Match` is `*`
 */
export const DigestPreconditions = createParamDecorator(
  (_: unknown, execution: ExecutionContext): MatchesEtag | undefined => {
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const [wanted, excluded] = [tagsOf('If-Match', request), tagsOf('If-None-Match', request)];
    if (excluded === '*') throw exists();
    const tags = wanted === '*' ? undefined : wanted;
    if (!tags && !excluded) return undefined;
    return (body) => {
      const present = digestTagOf(withDigest(body), request);
      const isPresent = ({ value }: Tag): boolean => `"${value}"` === present;
      return (tags?.some((tag) => !tag.weak && isPresent(tag)) ?? true) && !excluded?.some(isPresent);
    };
  },
  [documentIfMatch],
);

/** True if a controller's method has a parameter {@link IfMatch} or {@link DigestPreconditions}. */
export const acceptsIfMatch = (handler: object): boolean => Reflect.hasMetadata(ACCEPTS_IF_MATCH, handler);

/**
 * Refuses a write with preconditions that a resource without versions cannot meet: a version in `If-Match`, because the
 * write could overwrite a change that the client has not seen, and `If-None-Match: *` (RFC 9110, 13.1). A version in
 * `If-None-Match` is met.
 * @throws Problem validation-failed: a header is malformed
 * @throws Problem precondition-failed
 */
export const refusePreconditions = (request: FastifyRequest): void => {
  const { headers, method } = request;
  if (headers['if-match'] === undefined && headers['if-none-match'] === undefined) return;
  if (method === 'GET' || method === 'HEAD') return;
  const wanted = tagsOf('If-Match', request);
  if (wanted !== undefined && wanted !== '*')
    throw new Problem('precondition-failed', {
      detail: 'This resource has no versions. Send the request without If-Match.',
    });
  if (tagsOf('If-None-Match', request) === '*') throw exists();
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
  if (field === undefined || reply.statusCode !== 200 || (request.method !== 'GET' && request.method !== 'HEAD')) {
    return false;
  }
  const etag = reply.getHeader('etag');
  if (typeof etag !== 'string') return false;
  // A malformed header is ignored: a full answer is always correct.
  return isAny(field) || (parseTags(field)?.some(({ value }) => `"${value}"` === etag.replace(/^W\//, '')) ?? false);
};
