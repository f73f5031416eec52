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
 * Shows each body as it may be sent: what is required, and what has an example of its own. Without, the page fills in
 * every field by its type, so that ids that lead nowhere and times that are over are sent, and refused.
 */
export const addBodyExample = (body: Body | undefined, schemas: Schemas): void => {
  if (!body || '$ref' in body) return;
  for (const media of Object.values(body.content)) {
    const { schema } = media;
    const found = schema && '$ref' in schema ? schemas[schema.$ref.split('/').at(-1) ?? ''] : schema;
    if (!found || '$ref' in found || media.example !== undefined) continue;
    const shown = Object.entries((found.properties ?? {}) as Record<string, Property>).filter(
      ([name, { example }]) => example !== undefined || found.required?.includes(name),
    );
    media.example = Object.fromEntries(shown.map(([name, property]) => [name, shownAs(property)]));
  }
};

const shownAs = ({ type, format, enum: choices, minimum, example }: Property): unknown =>
  example ?? choices?.[0] ?? minimum ?? BY_FORMAT[format ?? ''] ?? type;
