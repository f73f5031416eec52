import type { Role } from '#domain/tenant/roles';
import type { IdentityApp } from '../support/identity-app';
import { openApiOf } from '../support/openapi';

type Schema = { readonly properties?: Readonly<Record<string, { readonly format?: string }>> };

/** The parts of an operation of the OpenAPI document that the tests read. */
interface Operation {
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: { readonly $ref?: string } }>>;
  };
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name?: string; readonly $ref?: string }[];
  readonly 'x-permission'?: { readonly roles: readonly Role[] };
}

/** Reads all operations of the OpenAPI document. Their keys are routes, such as `GET /v1/teams/{id}`. */
export const readOperations = async (identity: IdentityApp) => {
  const { paths, components } = await openApiOf(identity);
  const schemas = components.schemas as Readonly<Record<string, Schema>>;
  const operations: ReadonlyMap<string, Operation> = new Map(
    Object.entries(paths as unknown as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    ),
  );

  const operationOf = (route: string): Operation => operations.get(route) ?? {};
  const hasParameter = (route: string, parameter: string): boolean =>
    operationOf(route).parameters?.some(({ name, $ref }) => name === parameter || $ref?.endsWith(`/${parameter}`)) ===
    true;

  /** The fields of the body that contain an id. */
  const idsInBody = (route: string): string[] => {
    const { $ref = '' } = operationOf(route).requestBody?.content['application/json']?.schema ?? {};
    const { properties = {} } = schemas[$ref.split('/').at(-1) ?? ''] ?? {};
    return Object.entries(properties).flatMap(([name, { format }]) => (format === 'uuid' ? [name] : []));
  };

  return { operations, operationOf, hasParameter, idsInBody };
};
export type Operations = Awaited<ReturnType<typeof readOperations>>;
