import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { completeDocument } from './openapi-complete';

export const DOCS_PATH = '/docs';

const DESCRIPTION = `Companies, people, roles, plans, billing, projects and tasks, with the whole history behind them.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents; their \`type\` leads to a page that says
what to do. Every write takes an \`Idempotency-Key\` and answers with a \`Position\`; a read with that position in
\`If-Position\` shows the write.`;

/**
 * The OpenAPI document at `/openapi.json`, made of the controllers when it is first asked for, and a page to read and
 * try it at `/docs`, all of whose files are served from here.
 */
export const serveDocumentation = (app: NestFastifyApplication, version: string): void => {
  SwaggerModule.setup(DOCS_PATH, app, () => createOpenApiDocument(app, version), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Tenantry API',
    swaggerOptions: {
      // swagger-ui would send the document's address to a public validator.
      validatorUrl: null,
      persistAuthorization: true,
      displayRequestDuration: true,
      docExpansion: 'list',
    },
  });
};

/** The finished document, as `/openapi.json` serves it. */
export const createOpenApiDocument = (app: NestFastifyApplication, version: string): OpenAPIObject => {
  const config = new DocumentBuilder()
    .setTitle('Tenantry API')
    .setDescription(DESCRIPTION)
    .setVersion(version)
    .setOpenAPIVersion('3.1.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token.' })
    .build();
  return completeDocument(SwaggerModule.createDocument(app, config));
};
