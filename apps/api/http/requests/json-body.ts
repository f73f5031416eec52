import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';

/** Bytes of a body at most. */
export const BODY_LIMIT = 256 * 1024;
/** Of a form. */
const FORM_LIMIT = 16 * 1024;
const MAX_DEPTH = 32;

/** A request whose body came as JSON, with the very bytes, for signatures and hashes. */
export type WithRawBody = FastifyRequest & { rawBody?: Buffer };

/**
 * Takes JSON bodies and no others: UTF-8, at most 32 levels deep. Keys that poison prototypes stay keys, which `cleanText`
 * refuses by name. An empty body is none: many clients name a type for the body that they don't send.
 * @param isRaw where a signature is over the bytes: they are handed on as they are
 */
export const acceptJsonOnly = (instance: FastifyInstance, isRaw: (path: string) => boolean): void => {
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    (request as WithRawBody).rawBody = bytes;
    if (bytes.length === 0 || isRaw(request.raw.url ?? '/')) return done(null, undefined);
    if (!isMeantAsUtf8(request))
      return done(new Problem('unsupported-media-type', { detail: 'Send the body as UTF-8.' }));
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      const detail = 'Send the body without a Content-Encoding.';
      return done(new Problem('unsupported-media-type', { detail }));
    }
    if (!isUtf8(bytes)) return done(invalid('must be UTF-8'));
    const body = parsed(bytes.toString('utf8'));
    if (body === undefined) return done(invalid('must be well-formed JSON'));
    if (bytes.length > 2 * MAX_DEPTH && isDeeper(body, MAX_DEPTH)) {
      return done(invalid(`must not be nested deeper than ${MAX_DEPTH} levels`));
    }
    done(null, body);
  });
};

/**
 * Takes forms on the routes that are pages, and there alone: a page of another site can send a form anywhere, but no JSON.
 * Of a field that comes twice the last one counts.
 */
export const acceptForms = (instance: FastifyInstance, isPage: (path: string) => boolean): void => {
  const type = 'application/x-www-form-urlencoded';
  instance.addContentTypeParser<Buffer>(type, { parseAs: 'buffer', bodyLimit: FORM_LIMIT }, (request, bytes, done) => {
    if (!isPage(request.raw.url ?? '/')) {
      return done(new Problem('unsupported-media-type', { detail: 'Send the body as application/json.' }));
    }
    if (!isMeantAsUtf8(request))
      return done(new Problem('unsupported-media-type', { detail: 'Send the body as UTF-8.' }));
    if (!isUtf8(bytes)) return done(invalid('must be UTF-8'));
    done(null, Object.fromEntries(new URLSearchParams(bytes.toString('utf8'))));
  });
};

/** Bytes of another encoding can be well-formed UTF-8, and mean something else. */
const isMeantAsUtf8 = ({ headers }: FastifyRequest): boolean => {
  const named = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1];
  return named === undefined || /^utf-?8$/i.test(named);
};

const invalid = (message: string): Problem =>
  new Problem('validation-failed', { detail: `The body ${message}.`, errors: [{ pointer: '', message }] });

/** Undefined, which no JSON means, where it is none. Some editors begin a file with U+FEFF. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
};

const isDeeper = (value: unknown, levels: number): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const it of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof it === 'object' && it !== null && isDeeper(it, levels - 1)) return true;
  }
  return false;
};
