import { readFileSync } from 'node:fs';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';

/** One answer of the product. */
export interface CheckedResponse {
  readonly status: number;
  /** The names are in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

interface DocumentedResponse {
  readonly content?: Record<string, unknown>;
  readonly headers?: Record<string, unknown>;
}

interface Operation {
  readonly responses: Record<string, DocumentedResponse>;
}

interface OpenApiDocument {
  readonly paths: Record<string, Record<string, Operation>>;
}

interface DocumentedPath {
  readonly pattern: RegExp;
  /** The parts of the path that are not parameters. A request matches the path with the most of them. */
  readonly fixedParts: number;
  readonly document: string;
  readonly path: string;
  readonly operations: Record<string, Operation>;
}

/** Headers of every server. All other headers of an answer must be documented. */
const UNDOCUMENTED_HEADERS =
  /^(access-control-|connection$|keep-alive$|date$|content-|transfer-encoding$|vary$|cache-control$|x-content-type-options$|x-frame-options$|referrer-policy$|cross-origin-|strict-transport-security$)/;

/** Compiles the documents that `test/setup/global-setup.ts` has written. */
const readDocuments = () => {
  const file = process.env['TENANTRY_TEST_OPENAPI'];
  if (file === undefined) throw new Error('The OpenAPI documents were not written: TENANTRY_TEST_OPENAPI is not set.');
  const documents = JSON.parse(readFileSync(file, 'utf8')) as Record<string, OpenApiDocument>;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  const paths: DocumentedPath[] = [];
  for (const [document, content] of Object.entries(documents)) {
    refuseOtherProperties(content);
    ajv.addSchema(content, document);
    for (const [path, operations] of Object.entries(content.paths)) {
      const parts = path.split('/');
      paths.push({
        ...{ document, path, operations },
        pattern: new RegExp(
          `^${parts.map((part) => (part.startsWith('{') ? '[^/]+' : escapeRegExp(part))).join('/')}$`,
        ),
        fixedParts: parts.filter((part) => !part.startsWith('{')).length,
      });
    }
  }
  return { ajv, paths: paths.sort((a, b) => b.fixedParts - a.fixedParts) };
};

/**
 * Clients must accept new properties in answers, so the documents do not exclude them. In a test, a property that is not
 * documented is an error of the product.
 */
const refuseOtherProperties = (value: unknown): void => {
  if (typeof value !== 'object' || value === null) return;
  const schema = value as Record<string, unknown>;
  if (schema['type'] === 'object' && typeof schema['properties'] === 'object') schema['additionalProperties'] ??= false;
  for (const part of Object.values(value)) refuseOtherProperties(part);
};

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A part of a JSON pointer in a URI. */
const pointerPart = (text: string): string => encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));

let read: ReturnType<typeof readDocuments> | undefined;
const validators = new Map<string, ValidateFunction>();

const validatorOf = (uri: string): ValidateFunction => {
  const validator = validators.get(uri) ?? read?.ajv.getSchema(uri);
  if (!validator) throw new Error(`There is no schema at ${uri}`);
  validators.set(uri, validator);
  return validator;
};

const violationsOfBody = (uri: string, body: string): string[] => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return ['the body is not JSON'];
  }
  const validate = validatorOf(uri);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `body${instancePath}: ${message} ${JSON.stringify(params)}`,
  );
};

/**
 * Compares an answer with the OpenAPI documents: its status, the type of its content, its body and its headers.
 * @param url of the request, with or without an origin
 * @returns what is not as documented; empty also for requests of which the documents have no operation
 */
export const violationsOf = (
  method: string,
  url: string,
  { status, headers, body }: CheckedResponse,
): readonly string[] => {
  const { pathname } = new URL(url, 'http://localhost');
  if (!/^\/(v1|ops)\//.test(pathname)) return [];
  read ??= readDocuments();
  const match = read.paths.find(({ pattern }) => pattern.test(pathname));
  const operation = match?.operations[method.toLowerCase()];
  if (!match || !operation) return [];
  const response = operation.responses[String(status)];
  if (!response) return [`the status ${status} is not documented: ${body.slice(0, 300)}`];
  const undocumented = Object.keys(headers).filter(
    (name) =>
      !UNDOCUMENTED_HEADERS.test(name) &&
      !Object.keys(response.headers ?? {}).some((documented) => documented.toLowerCase() === name),
  );
  const violations = undocumented.map((name) => `the header ${name} is not documented`);
  const type = String(headers['content-type'] ?? '').split(';')[0] ?? '';
  if (response.content === undefined) return body === '' ? violations : [...violations, 'a body is not documented'];
  if (response.content[type] === undefined) return [...violations, `the content type "${type}" is not documented`];
  if (!/json/.test(type)) return violations;
  const place = ['paths', match.path, method.toLowerCase(), 'responses', String(status), 'content', type, 'schema'];
  return [...violations, ...violationsOfBody(`${match.document}#/${place.map(pointerPart).join('/')}`, body)];
};

/** @throws Error the answer is not as documented, see {@link violationsOf} */
export const checkResponse = (method: string, url: string, response: CheckedResponse): void => {
  const violations = violationsOf(method, url, response);
  if (violations.length > 0)
    throw new Error(`${method} ${url} was answered with ${response.status}, but\n  ${violations.join('\n  ')}`);
};
