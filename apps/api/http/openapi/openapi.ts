import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { completeDocument } from './openapi-complete';

const DESCRIPTION = `Companies, people, roles, plans, billing, projects and tasks, with the whole history behind them.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents; their \`type\` leads to a page that says
what to do. Every write takes an \`Idempotency-Key\`. One that adds to the history answers with a \`Position\`; a read with
that position in \`If-Position\` shows the write. Sessions and passwords are in no history: they hold by the next request.`;

/** The OpenAPI document of every route of the application's controllers. */
export const createOpenApiDocument = (app: NestFastifyApplication, version: string): OpenAPIObject => {
  const config = new DocumentBuilder()
    .setTitle('Tenantry API')
    .setDescription(DESCRIPTION)
    .setVersion(version)
    .setOpenAPIVersion('3.1.0')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: '`accessToken` of what `POST /v1/signup` or `POST /v1/sessions` answers.',
    })
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The token of an operator.' },
      'operator',
    )
    .build();
  return completeDocument(SwaggerModule.createDocument(app, config));
};
