import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { completeDocument, isForOperators } from './openapi-complete';
import { partOf } from './openapi-part';

const DESCRIPTION = `Tenants, users, roles, plans, billing, projects and tasks of a multi-tenant product. A tenant is a customer of the product,
with data that no other tenant can see; a user can be a member of several tenants. Most changes are stored as events.

Sign up with \`POST /v1/signup\` or sign in with \`POST /v1/sessions\`, and send the \`accessToken\` of the answer with each
request as \`Authorization: Bearer …\`.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents; their \`type\` is the path of a page that
says what to do. Every write accepts an \`Idempotency-Key\`. A write that stores an event answers with a \`Position\`; a read
with that position in \`If-Position\` includes the write. Changes to sessions and passwords are not events: they apply from
the next request on, without a position.`;

const OPERATORS_DESCRIPTION = `Routes for the operators of the server, who belong to no tenant. \`tenantry operators token\` prints the token that they need.

What an operator changes is stored in the event log, with the reason in the body of the request.`;

const TAGS = {
  Identity: 'Sign-up, sign-in, sessions, and the profile of the signed-in user.',
  Tenant: 'The tenant, its members, invitations, teams, projects and tasks.',
  Billing: 'Plans, usage, payment, and invoices.',
};

export interface OpenApiOptions {
  /** Version in the documents. */
  readonly version: string;
  /** URL at which clients reach the API, without a slash at its end. */
  readonly url: string;
}

/** Two documents, so that clients of the API see no routes that are not for them. */
export interface OpenApiDocuments {
  /** For clients of the API. */
  readonly api: OpenAPIObject;
  /** For operators. */
  readonly operators: OpenAPIObject;
}

/** Generates the OpenAPI documents from the controllers of an application. */
export const createOpenApiDocuments = (
  app: NestFastifyApplication,
  { version, url }: OpenApiOptions,
): OpenApiDocuments => {
  const token = { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } as const;
  const config = new DocumentBuilder()
    .setVersion(version)
    .setOpenAPIVersion('3.1.0')
    .addServer(url)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addBearerAuth({
      ...token,
      description: 'The `accessToken` from the answer of `POST /v1/signup` or `POST /v1/sessions`.',
    })
    .addBearerAuth({ ...token, description: 'An operator token. `tenantry operators token` creates one.' }, 'operator')
    .build();
  const all = completeDocument(SwaggerModule.createDocument(app, config));
  const tagsOf = (tags: Record<string, string>) =>
    Object.entries(tags).map(([name, description]) => ({ name, description }));
  return {
    api: {
      ...partOf(all, (operation) => !isForOperators(operation), 'bearer'),
      info: { ...all.info, title: 'Tenantry API', description: DESCRIPTION },
      tags: tagsOf(TAGS),
    },
    operators: {
      ...partOf(all, isForOperators, 'operator'),
      info: { ...all.info, title: 'Tenantry API for operators', description: OPERATORS_DESCRIPTION },
      tags: tagsOf({ Operators: 'The operator of the token, and the events that Stripe has sent.' }),
    },
  };
};
