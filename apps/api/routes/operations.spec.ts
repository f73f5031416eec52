import { readOpenApiDocuments } from './openapi-documents';

interface Body {
  readonly required?: boolean;
  readonly content?: Readonly<Record<string, { readonly schema?: { readonly $ref?: string } }>>;
}

interface Operation {
  readonly operationId?: string;
  readonly tags?: readonly string[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body & { readonly headers?: Readonly<Record<string, object>> }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly tags: readonly { readonly name: string }[];
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly additionalProperties?: boolean }>>;
    readonly securitySchemes: object;
  };
}

type Named = readonly [name: string, operation: Operation, document: Document];

/** What generators of clients read in the documents. */
describe('the operations of the OpenAPI documents', () => {
  let api: Document;
  let operators: Document;
  let operations: Named[];
  beforeAll(async () => {
    const documents = await readOpenApiDocuments();
    [api, operators] = [documents.api as unknown as Document, documents.operators as unknown as Document];
    operations = [api, operators].flatMap((document) =>
      Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, it]): Named => [`${method} ${path}`, it, document]),
      ),
    );
  });
  const writes = () => operations.filter(([name]) => !name.startsWith('get '));
  const namesOf = (some: readonly Named[]) => some.map(([name]) => name);

  it('have an id of a verb and its object, which no other operation has', () => {
    const ids = operations.map(([, { operationId }]) => operationId ?? '');
    expect(ids.filter((id) => !/^[a-z]+[A-Z]\w+$/.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(['signUp', 'createProject', 'changePlan', 'skipStripeEvent']));
  });

  it('have a declared tag', () => {
    const undeclared = operations.filter(
      ([, { tags = [] }, document]) =>
        !tags.length || !tags.every((tag) => document.tags.some((it) => it.name === tag)),
    );
    expect(namesOf(undeclared)).toEqual([]);
  });

  it('for operators are in the document for operators, and no others', () => {
    const paths = (document: Document) => Object.keys(document.paths);
    expect(paths(api).filter((path) => path.startsWith('/ops'))).toEqual([]);
    expect(paths(operators).filter((path) => !path.startsWith('/ops'))).toEqual([]);
    expect(Object.keys(api.components.securitySchemes)).toEqual(['bearer']);
    expect(Object.keys(operators.components.securitySchemes)).toEqual(['operator']);
    expect(api.components.schemas).not.toHaveProperty('OperatorDto');
    expect(operators.components.schemas).toHaveProperty('OperatorDto');
  });

  it('have the same body with 202 as without the delay', () => {
    const pairs = writes().flatMap(([name, { responses }]) => {
      const success = responses['200'] ?? responses['201'] ?? responses['204'];
      return responses['202'] && success ? [[name, responses['202'].content, success.content] as const] : [];
    });
    expect(pairs.length).toBeGreaterThan(20);
    expect(pairs.filter(([, , content]) => content).length).toBeGreaterThan(10);
    for (const [name, delayed, content] of pairs) expect([name, delayed]).toEqual([name, content]);
  });

  it('without an event are answered neither 202 nor with a position', () => {
    const sessions = operations.filter(([, { operationId }]) => operationId === 'signIn' || operationId === 'signOut');
    expect(sessions).toHaveLength(2);
    for (const [, { responses }] of sessions) {
      expect(responses).not.toHaveProperty('202');
      expect(JSON.stringify(responses)).not.toContain('headers/Position');
    }
  });

  it('can all be refused because of a precondition, if they write', () =>
    expect(namesOf(writes().filter(([, { responses }]) => !responses['412']))).toEqual([]));

  it('promise Retry-After only where a later request can succeed', () => {
    const promising = operations.flatMap(([name, { responses }]) =>
      Object.entries(responses).flatMap(([status, { headers = {} }]) =>
        // 402: the calls of a month are counted again from the next month on.
        'Retry-After' in headers && !/^(402|409|429|503)$/.test(status) ? [`${name} ${status}`] : [],
      ),
    );
    expect(promising).toEqual([]);
  });

  it('with a body refuse fields that are not documented', () => {
    const bodies = operations.flatMap(([name, { requestBody }, document]) => {
      const reference = requestBody?.content?.['application/json']?.schema?.$ref?.split('/').at(-1);
      return reference ? [[name, document.components.schemas[reference]] as const] : [];
    });
    expect(bodies.length).toBeGreaterThan(20);
    for (const [name, schema] of bodies) expect([name, schema?.additionalProperties]).toEqual([name, false]);
  });
});
