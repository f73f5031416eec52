import type { FastifyInstance } from 'fastify';

export interface AllowedMethods {
  /** The methods that a path takes, as `Allow` lists them; undefined where no route has the path. */
  of(path: string): string | undefined;
}

/** Remembers every route that is registered from here on, to answer 405 where another method would be right. */
export const watchAllowedMethods = (instance: FastifyInstance): AllowedMethods => {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  instance.addHook('onRoute', ({ url, method }) => {
    // A wildcard serves files and pages: what is not among them is not there.
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
