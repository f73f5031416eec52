import { dirname } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createOpenApiDocument } from './openapi';

export const DOCS_PATH = '/docs';

const PAGE = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Tenantry API</title>
  <link rel="icon" type="image/png" href="${DOCS_PATH}/favicon-32x32.png">
  <link rel="stylesheet" href="${DOCS_PATH}/swagger-ui.css">
</head>
<body>
  <div id="page"></div>
  <script src="${DOCS_PATH}/swagger-ui-bundle.js"></script>
  <script src="${DOCS_PATH}/start.js"></script>
</body>
</html>`;

// Without `validatorUrl: null`, the page would send the address of the document to a public validator.
const START = `SwaggerUIBundle({
  url: '/openapi.json', dom_id: '#page', deepLinking: true, validatorUrl: null,
  persistAuthorization: true, displayRequestDuration: true, docExpansion: 'list',
});`;

const ASSETS = new Set(['/swagger-ui.css', '/swagger-ui-bundle.js', '/favicon-32x32.png']);

/**
 * Serves the OpenAPI document at `/openapi.json`, which is generated from the controllers for the first request, and
 * swagger-ui at `/docs` to read and try the routes. All files of swagger-ui are served by this server.
 * @param version in the document
 */
export const serveDocumentation = (app: NestFastifyApplication, version: string): void => {
  const instance = app.getHttpAdapter().getInstance();
  let document: string | undefined;
  instance.get('/openapi.json', (_request, reply) => {
    document ??= JSON.stringify(createOpenApiDocument(app, version));
    reply.header('content-type', 'application/json; charset=utf-8').send(document);
  });
  instance.get(DOCS_PATH, (_request, reply) => {
    reply.header('content-type', 'text/html; charset=utf-8').send(PAGE);
  });
  instance.get(`${DOCS_PATH}/start.js`, (_request, reply) => {
    reply.header('content-type', 'text/javascript; charset=utf-8').send(START);
  });
  instance.register(fastifyStatic, {
    root: dirname(require.resolve('swagger-ui-dist/package.json')),
    prefix: DOCS_PATH,
    decorateReply: false,
    index: false,
    allowedPath: (path) => ASSETS.has(path),
  });
};
