import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { RequiredVersion } from '#domain/command';
import { Problem } from '#platform/problems';
import { ACCEPTS_IF_MATCH } from '../openapi/documented';
import { isRead } from '../requests/is-read';
import { contextOf } from '../requests/request-context';
import { digestTagOf, scopeOf, withDigest } from './etag';
import { isAny, parseTags, type Tag } from './tag-list';

/** The id in the path; the tenant's id for a path without one, such as `/v1/tenant`. */
const idInPath = (request: FastifyRequest): string => {
  const [id] = Object.values((request.params ?? {}) as Record<string, string>);
  return id ?? contextOf(request).principal?.tenantId ?? '';
};

/** The version in a tag of the resource in the path; undefined if this API has not made the tag for it. */
const versionIn = ({ value }: Tag, scope: string): number | undefined => {
  const [, version, tagScope] = /^(0|[1-9]\d{0,8})\.([\w-]{8})(?:\.[\w-]{12})?$/.exec(value) ?? [];
  return tagScope === scope ? Number(version) : undefined;
};

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
  const versionsIn = (tags: readonly Tag[]): number[] => tags.flatMap((tag) => versionIn(tag, scope) ?? []);
  const anyOf = wanted === undefined || wanted === '*' ? undefined : versionsIn(wanted.filter(({ weak }) => !weak));
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

/** True if a controller's method has a parameter {@link Preconditions} or {@link DigestPreconditions}. */
export const acceptsIfMatch = (handler: object): boolean => Reflect.hasMetadata(ACCEPTS_IF_MATCH, handler);

/**
 * Refuses a write with preconditions that a resource without versions cannot meet: a version in `If-Match`, because the
 * write could overwrite a change that the client has not seen, and `If-None-Match: *` (RFC 9110, 13.1). A version in
 * `If-None-Match` is met.
 * @throws Problem validation-failed: a header is malformed
 * @throws Problem precondition-failed
 */
export const refusePreconditions = (request: FastifyRequest): void => {
  const { headers } = request;
  if (headers['if-match'] === undefined && headers['if-none-match'] === undefined) return;
  if (isRead(request)) return;
  const wanted = tagsOf('If-Match', request);
  if (wanted !== undefined && wanted !== '*')
    throw new Problem('precondition-failed', {
      detail: 'This resource has no versions. Send the request without If-Match.',
    });
  if (tagsOf('If-None-Match', request) === '*') throw exists();
};
