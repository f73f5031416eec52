import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { completeDocument } from './openapi-complete';

const DESCRIPTION = `Tenants, users, roles, plans, billing, projects and tasks of a multi-tenant product. A tenant is a customer of the product,
with data that no other tenant can see; a user can be a member of several tenants. Most changes are stored as events.

Sign up with \`POST /v1/signup\` or sign in with \`POST /v1/sessions\`, and send the \`accessToken\` of the answer with each
request as \`Authorization: Bearer …\`.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents; their \`type\` is the path of a page that
says what to do. Every write accepts an \`Idempotency-Key\`. A write that stores an event answers with a \`Position\`; a read
with that position in \`If-Position\` includes the write. Changes to sessions and passwords are not events: they apply from
the next request on, without a position.`;

/** Generates the OpenAPI document from the controllers of an application. @param version in the document */
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
      description: 'The `accessToken` from the answer of `POST /v1/signup` or `POST /v1/sessions`.',
    })
    .addBearerAuth(
      {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: 'An operator token. `tenantry operators token` creates one.',
      },
      'operator',
    )
    .build();
  return completeDocument(SwaggerModule.createDocument(app, config));
};
