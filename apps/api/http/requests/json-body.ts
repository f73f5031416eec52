import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parse } from 'lossless-json';
import { Problem } from '#platform/problems';

/** Maximum number of bytes of a request body. */
export const BODY_LIMIT = 256 * 1024;
/** Maximum number of bytes of a form. */
const FORM_LIMIT = 16 * 1024;
const MAX_DEPTH = 32;

/** A request with the bytes of its body, for signatures and hashes. */
export type WithRawBody = FastifyRequest & { rawBody?: Buffer };

/**
 * Accepts JSON bodies only: UTF-8, at most 32 levels deep, without a name that occurs twice in one object. Keys such as
 * `__proto__` are parsed as plain keys, which `cleanText` then refuses. An empty body counts as no body, because many
 * clients send a `Content-Type` without a body.
 * @param isRaw true for a path whose body is only kept as bytes and not parsed, because its signature covers the bytes
 */
export const acceptJsonOnly = (instance: FastifyInstance, isRaw: (path: string) => boolean): void => {
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    (request as WithRawBody).rawBody = bytes;
    if (bytes.length === 0 || isRaw(request.raw.url ?? '/')) return done(null, undefined);
    if (!hasUtf8Charset(request))
      return done(new Problem('unsupported-media-type', { detail: 'Send the body as UTF-8.' }));
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      const detail = 'Send the body without a Content-Encoding.';
      return done(new Problem('unsupported-media-type', { detail }));
    }
    if (!isUtf8(bytes)) return done(invalid('must be UTF-8'));
    const body = parseJson(bytes.toString('utf8'));
    if (body === undefined) return done(invalid('must be well-formed JSON'));
    if (bytes.length > 2 * MAX_DEPTH && isDeeper(body, MAX_DEPTH)) {
      return done(invalid(`must not be nested deeper than ${MAX_DEPTH} levels`));
    }
    done(refusalOfDuplicates(bytes.toString('utf8')) ?? null, body);
  });
};

/**
 * Accepts forms on the routes of HTML pages only, because a page of another site can send a form, but no JSON. A form in
 * which a field occurs twice is refused.
 * @param isPage true for a path that accepts forms
 */
export const acceptForms = (instance: FastifyInstance, isPage: (path: string) => boolean): void => {
  const type = 'application/x-www-form-urlencoded';
  instance.addContentTypeParser<Buffer>(type, { parseAs: 'buffer', bodyLimit: FORM_LIMIT }, (request, bytes, done) => {
    (request as WithRawBody).rawBody = bytes;
    if (!isPage(request.raw.url ?? '/')) {
      return done(new Problem('unsupported-media-type', { detail: 'Send the body as application/json.' }));
    }
    if (!hasUtf8Charset(request))
      return done(new Problem('unsupported-media-type', { detail: 'Send the body as UTF-8.' }));
    if (!isUtf8(bytes)) return done(invalid('must be UTF-8'));
    const fields = new URLSearchParams(bytes.toString('utf8'));
    const twice = [...fields.keys()].find((name) => fields.getAll(name).length > 1);
    if (twice !== undefined) return done(invalid(`must not contain the field ${JSON.stringify(twice)} twice`));
    done(null, Object.fromEntries(fields));
  });
};

/**
 * True if the `Content-Type` has no charset or UTF-8. Bytes in another charset can be valid UTF-8 with other
 * characters.
 */
const hasUtf8Charset = ({ headers }: FastifyRequest): boolean => {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
};

const invalid = (message: string): Problem =>
  new Problem('validation-failed', { detail: `The body ${message}.`, errors: [{ pointer: '', message }] });

/**
 * @returns undefined, which is no JSON value, if the text is not JSON. A leading U+FEFF, which some editors write, is
 * ignored.
 */
const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
};

/**
 * JSON.parse uses the last of several values of one name, and other parsers use the first, so that a proxy could check
 * another value than this server uses. Equal values are accepted.
 * @param text well-formed JSON
 * @returns undefined if no name occurs twice with different values
 */
const refusalOfDuplicates = (text: string): Problem | undefined => {
  let duplicate: string | undefined;
  const onDuplicateKey = ({ key }: { readonly key: string }): void => {
    duplicate ??= key;
  };
  parse(text.replace(/^\uFEFF/, ''), undefined, { parseNumber: Number, onDuplicateKey });
  return duplicate === undefined
    ? undefined
    : invalid(`must not contain the name ${JSON.stringify(duplicate)} twice in one object`);
};

const isDeeper = (value: unknown, levels: number): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const it of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof it === 'object' && it !== null && isDeeper(it, levels - 1)) return true;
  }
  return false;
};
