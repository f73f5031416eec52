import { dirname } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { createOpenApiDocuments, type OpenApiDocuments } from './openapi';

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

const JSON_TYPE = 'application/json; charset=utf-8';

export interface DocumentationOptions {
  /** Version in the documents. */
  readonly version: string;
  /** URL at which clients reach the API. */
  readonly publicUrl: () => string;
  /** Requires the token of an operator. Without it, the document for operators is not served. */
  readonly admitOperator?: ((request: FastifyRequest) => Promise<void>) | undefined;
}

/**
 * Serves the OpenAPI document at `/openapi.json`, and swagger-ui at `/docs` to read and try the routes. All files of
 * swagger-ui are served by this server. The document for operators is at `/ops/openapi.json`. The documents are generated
 * from the controllers for the first request.
 */
export const serveDocumentation = (
  app: NestFastifyApplication,
  { version, publicUrl, admitOperator }: DocumentationOptions,
): void => {
  const instance = app.getHttpAdapter().getInstance();
  let documents: { readonly [name in keyof OpenApiDocuments]: string } | undefined;
  const textOf = (name: keyof OpenApiDocuments): string => {
    if (!documents) {
      const { api, operators } = createOpenApiDocuments(app, { version, url: publicUrl() });
      documents = { api: JSON.stringify(api), operators: JSON.stringify(operators) };
    }
    return documents[name];
  };
  instance.get('/openapi.json', (_request, reply) => {
    reply.header('content-type', JSON_TYPE).send(textOf('api'));
  });
  if (admitOperator)
    instance.get('/ops/openapi.json', { onRequest: async (request) => admitOperator(request) }, (_request, reply) => {
      reply.header('content-type', JSON_TYPE).send(textOf('operators'));
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
