import { readOpenApiDocuments } from './openapi-documents';

interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** JSON Pointers of the properties of a schema that have no description, at any depth. */
const undescribedProperties = ({ properties = {}, items }: Schema, pointer: string): string[] => [
  ...Object.entries(properties).flatMap(([name, property]) => [
    ...(property.description ? [] : [`${pointer}/${name}`]),
    ...undescribedProperties(property, `${pointer}/${name}`),
  ]),
  ...(items ? undescribedProperties(items, pointer) : []),
];

interface Parameter {
  readonly $ref?: string;
  readonly in: string;
  readonly name: string;
  readonly description?: string;
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly headers?: object }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly headers: Readonly<Record<string, { readonly description?: string }>>;
  };
}

const operationsOf = ({ paths }: Document): [string, Operation][] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  );

describe('the OpenAPI document of the API', () => {
  let document: Document;
  let operatorsDocument: Document;
  let operations: [string, Operation][];
  beforeAll(async () => {
    const { api, operators } = await readOpenApiDocuments();
    [document, operatorsDocument] = [api as unknown as Document, operators as unknown as Document];
    operations = [document, operatorsDocument].flatMap(operationsOf);
  });

  it('has a summary and a description of every operation', () => {
    expect(operations.length).toBeGreaterThan(50);
    expect(operations.filter(([, it]) => !it.summary || !it.description).map(([name]) => name)).toEqual([]);
  });

  it('describes every parameter', () => {
    const inOperations = operations.flatMap(([name, { parameters = [] }]) =>
      parameters.filter((it) => !it.$ref && !it.description).map((it) => `${name} ${it.in} ${it.name}`),
    );
    const shared = [document, operatorsDocument]
      .flatMap((it) => Object.values(it.components.parameters))
      .filter((it) => !it.description);
    expect([...inOperations, ...shared.map((it) => it.name)]).toEqual([]);
  });

  it('describes every field of every body', () => {
    const schemas = [document, operatorsDocument].flatMap((it) => Object.entries(it.components.schemas));
    expect(schemas.length).toBeGreaterThan(40);
    expect(schemas.flatMap(([name, schema]) => undescribedProperties(schema, name))).toEqual([]);
  });

  it('shows the tenant of a session with the role of its user, and not as the tenant of GET /v1/tenant', () => {
    const { TenantOfUserDto, TenantDto, SignedUpDto } = document.components.schemas;
    expect(Object.keys(TenantOfUserDto?.properties ?? {})).toEqual(['id', 'name', 'slug', 'role']);
    expect(TenantDto?.properties).toHaveProperty('lock');
    expect(JSON.stringify(SignedUpDto?.properties?.['tenant'])).toContain('/TenantOfUserDto"');
  });

  it('documents both answers of a change of the plan: the billing after it, and its preview', () => {
    const { responses } = document.paths['/v1/billing/change']?.['post'] ?? {};
    const oneOf = ['BillingDto', 'ChangePreviewDto'].map((name) => ({ $ref: `#/components/schemas/${name}` }));
    expect(responses).toMatchObject({ 200: { content: { 'application/json': { schema: { oneOf } } } } });
    expect(responses).not.toHaveProperty('201');
  });

  it('describes every answer and every header of an answer', () => {
    const answers = operations.flatMap(([name, { responses }]) =>
      Object.entries(responses).flatMap(([status, it]) => (it.description ? [] : [`${name} ${status}`])),
    );
    const headers = Object.entries(document.components.headers).filter(([, it]) => !it.description);
    expect([...answers, ...headers.map(([name]) => name)]).toEqual([]);
  });
});
