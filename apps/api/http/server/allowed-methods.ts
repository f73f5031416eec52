import type { FastifyInstance } from 'fastify';

export interface AllowedMethods {
  /** The methods that a path accepts, as in the header `Allow`; undefined if no route has the path. */
  of(path: string): string | undefined;
}

/** Collects the methods of every route that is registered after this call, for answers with 405. */
export const watchAllowedMethods = (instance: FastifyInstance): AllowedMethods => {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  instance.addHook('onRoute', ({ url, method }) => {
    // A route with a wildcard serves files. A path without a file is answered 404, not 405.
    if (url.includes('*')) return;
    const route = routes.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    for (const it of [method].flat()) route.methods.add(it);
    routes.set(url, route);
  });
  return {
    of: (path) => {
      const methods = new Set<string>();
      for (const route of routes.values()) {
        if (route.pattern.test(path)) for (const method of route.methods) methods.add(method);
      }
      return methods.size > 0 ? [...methods].sort().join(', ') : undefined;
    },
  };
};

const patternOf = (url: string): RegExp =>
  new RegExp(`^${url.replaceAll(/[.+?^$()[\]{}|\\]/g, '\\$&').replaceAll(/:[^/]+/g, '[^/]+')}$`);
