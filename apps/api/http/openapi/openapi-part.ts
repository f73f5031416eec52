import type { OpenAPIObject } from '@nestjs/swagger';
import { METHODS, type Operation } from './openapi-complete';

type Components = Record<string, Record<string, unknown>>;

const REFERENCE = /"#\/components\/(\w+)\/([^"]+)"/g;

/** The components to which a part of the document refers, with those to which they refer themselves. */
const componentsOf = (part: unknown, all: Components): Components => {
  const found: Components = {};
  const visit = (value: unknown): void => {
    for (const [, kind = '', name = ''] of JSON.stringify(value).matchAll(REFERENCE)) {
      const component = all[kind]?.[name];
      if (component === undefined || found[kind]?.[name] !== undefined) continue;
      found[kind] = { ...found[kind], [name]: component };
      visit(component);
    }
  };
  visit(part);
  return found;
};

/**
 * The document with some of its operations, and only the components that they need.
 * @param scheme name of the security scheme that these operations need
 */
export const partOf = (
  document: OpenAPIObject,
  includes: (operation: Operation) => boolean,
  scheme: string,
): OpenAPIObject => {
  const paths: OpenAPIObject['paths'] = {};
  for (const [path, item] of Object.entries(document.paths)) {
    const methods = METHODS.flatMap((method) =>
      item[method] && includes(item[method]) ? [[method, item[method]]] : [],
    );
    if (methods.length > 0) paths[path] = Object.fromEntries(methods);
  }
  const all = document.components as unknown as Components;
  const components = {
    ...componentsOf(paths, all),
    securitySchemes: { [scheme]: all['securitySchemes']?.[scheme] },
  };
  return { ...document, paths, components: components as never, security: [{ [scheme]: [] }] };
};
