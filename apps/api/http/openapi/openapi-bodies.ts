import type { OpenAPIObject } from '@nestjs/swagger';

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;
type Body = NonNullable<NonNullable<OpenAPIObject['paths'][string]['post']>['requestBody']>;
interface Property {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly example?: unknown;
}

const BY_FORMAT: Readonly<Record<string, string>> = {
  uuid: '0198c0de-0000-7000-8000-000000000000',
  uri: 'https://app.example.com/',
};

/**
 * Adds an example of a request body that the server accepts: the required fields, and the fields with an example.
 * Without it, swagger-ui fills in every field by its type, and the server refuses invented ids and times in the past.
 */
export const addBodyExample = (body: Body | undefined, schemas: Schemas): void => {
  if (!body || '$ref' in body) return;
  for (const media of Object.values(body.content)) {
    const { schema } = media;
    const resolved = schema && '$ref' in schema ? schemas[schema.$ref.split('/').at(-1) ?? ''] : schema;
    if (!resolved || '$ref' in resolved || media.example !== undefined) continue;
    const fields = Object.entries((resolved.properties ?? {}) as Record<string, Property>).filter(
      ([name, { example }]) => example !== undefined || resolved.required?.includes(name),
    );
    media.example = Object.fromEntries(fields.map(([name, property]) => [name, exampleOf(property)]));
  }
};

/** Says that the server refuses a request body with other fields than these. */
export const refuseOtherFields = (body: Body | undefined, schemas: Schemas): void => {
  for (const [, name = ''] of JSON.stringify(body ?? {}).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    const schema = schemas[name];
    if (!schema || '$ref' in schema || schema.additionalProperties !== undefined) continue;
    schema.additionalProperties = false;
    refuseOtherFields(schema as Body, schemas);
  }
};

const exampleOf = ({ type, format, enum: choices, minimum, example }: Property): unknown =>
  example ?? choices?.[0] ?? minimum ?? BY_FORMAT[format ?? ''] ?? type;
