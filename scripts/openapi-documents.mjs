import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildIfNeeded, root } from './build.mjs';

/** The OpenAPI documents of the API, from its sources: `{ api, operators }`. */
export const readDocuments = () => {
  buildIfNeeded();
  const require = createRequire(join(root, 'dist/apps/main.js'));
  require('reflect-metadata');
  return require(join(root, 'dist/apps/api/routes/openapi-documents.js')).readOpenApiDocuments();
};
