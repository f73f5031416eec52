import helmet from '@fastify/helmet';
import { fastify } from 'fastify';

export interface SecurityHeaders {
  of(url: string): Readonly<Record<string, string>>;
}

/** An API has nothing to show: no script, no style, no frame. */
const API = { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"] };

/** The documentation page: what is served beside it, and the images that swagger-ui has in its style sheet. */
const DOCS = {
  ...API,
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
};

/** Pages with a form and a style sheet of their own, and nothing else. */
const PAGE = { ...API, styleSrc: ["'self'"], formAction: ["'self'"] };

/** Those that mean something on an answer that is no document (OWASP's REST cheat sheet): each header costs its time. */
const MEANT_FOR_DATA = new Set([
  ...['content-security-policy', 'strict-transport-security', 'x-content-type-options', 'x-frame-options'],
  ...['cross-origin-resource-policy', 'referrer-policy'],
]);

/** The board of jobs: what is served beside it. The styles that its editor writes into the page are not let in. */
const BOARD = {
  ...API,
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  baseUri: ["'self'"],
};

/** Which paths are answered with which policy; all others are data. */
export interface PolicyPaths {
  readonly docs: string;
  readonly isPage?: (url: string) => boolean;
  readonly isBoard?: (url: string) => boolean;
}

const never = (): boolean => false;

/**
 * What helmet sets, learned once at start and written to each answer. Its plugin runs 13 functions on each request for
 * headers that never change, which is more work than a small request itself.
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

  const learned = (headers: object = {}) =>
    Object.entries(headers).flatMap(([name, value]) => (name in (none ?? {}) ? [] : [[name, String(value)] as const]));
  const ofData = Object.fromEntries(learned(data).filter(([name]) => MEANT_FOR_DATA.has(name)));
  // Shared caches keep nothing; a browser asks again with the ETag that it has.
  ofData['cache-control'] = 'private, no-cache';
  const ofDocs = Object.fromEntries(learned(docs));
  const ofPage = Object.fromEntries(learned(page));
  const ofBoard = { ...Object.fromEntries(learned(board)), 'cache-control': 'private, no-cache' };
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
