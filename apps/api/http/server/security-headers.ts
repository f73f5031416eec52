import helmet from '@fastify/helmet';
import { fastify } from 'fastify';

export interface SecurityHeaders {
  /** The security headers of the answer to a URL. */
  of(url: string): Readonly<Record<string, string>>;
}

/** Content-Security-Policy of JSON answers: no script, no style, no frame. */
const API = { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"] };

/** Policy of the documentation page: files of this server, and the images in the style sheet of swagger-ui. */
const DOCS = {
  ...API,
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
};

/** Policy of pages with a form and a style sheet of this server. */
const PAGE = { ...API, styleSrc: ["'self'"], formAction: ["'self'"] };

/**
 * Headers that have an effect on an answer without HTML (OWASP's REST cheat sheet). Others are left out to save time.
 */
const HEADERS_OF_DATA = new Set([
  ...['content-security-policy', 'strict-transport-security', 'x-content-type-options', 'x-frame-options'],
  ...['cross-origin-resource-policy', 'referrer-policy'],
]);

/** Policy of the board of jobs: files of this server. The inline styles of its editor are not allowed. */
const BOARD = {
  ...API,
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  baseUri: ["'self'"],
};

/** The paths of each policy. All other paths get the policy of JSON answers. */
export interface PolicyPaths {
  readonly docs: string;
  readonly isPage?: (url: string) => boolean;
  readonly isBoard?: (url: string) => boolean;
}

const never = (): boolean => false;

/**
 * Reads the headers that helmet sets, once at the start. The hooks then set them on each answer. The plugin of helmet
 * would run 13 functions in each request for headers that never change, which takes longer than a small request.
 */
export const learnSecurityHeaders = async ({
  docs: docsPath,
  isPage = never,
  isBoard = never,
}: PolicyPaths): Promise<SecurityHeaders> => {
  const probe = fastify();
  await probe.register(helmet, { global: false });
  const paths = {
    '/none': false,
    '/data': withPolicy(API),
    '/docs': withPolicy(DOCS),
    '/page': withPolicy(PAGE),
    '/board': withPolicy(BOARD),
  } as const;
  for (const [path, settings] of Object.entries(paths)) probe.get(path, { helmet: settings }, async () => '');
  const [none, data, docs, page, board] = await Promise.all(
    Object.keys(paths).map(async (url) => (await probe.inject(url)).headers),
  );
  await probe.close();

  const ofHelmet = (headers: object = {}) =>
    Object.entries(headers).flatMap(([name, value]) => (name in (none ?? {}) ? [] : [[name, String(value)] as const]));
  const ofData = Object.fromEntries(ofHelmet(data).filter(([name]) => HEADERS_OF_DATA.has(name)));
  // Shared caches store nothing, and a browser sends the `ETag` that it has with each request.
  ofData['cache-control'] = 'private, no-cache';
  // A browser does not use the stored answer of one session for another one, such as after a switch of the tenant.
  ofData['vary'] = 'Authorization';
  const ofDocs = Object.fromEntries(ofHelmet(docs));
  const ofPage = Object.fromEntries(ofHelmet(page));
  const ofBoard = { ...Object.fromEntries(ofHelmet(board)), 'cache-control': 'private, no-cache' };
  return {
    of: (url) => {
      if (url.startsWith(docsPath)) return ofDocs;
      if (isPage(url)) return ofPage;
      return isBoard(url) ? ofBoard : ofData;
    },
  };
};

const withPolicy = (directives: Record<string, string[]>) => ({
  contentSecurityPolicy: { useDefaults: false, directives },
  frameguard: { action: 'deny' as const },
});
