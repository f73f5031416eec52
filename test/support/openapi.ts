import type { OpenAPIObject } from '@nestjs/swagger';
import { addTestOperator, operatorTokenOf } from '#testing/operators';
import type { IdentityApp } from './identity-app';

/**
 * The OpenAPI documents that an app serves, as one: with the routes of clients and those of operators. It adds an operator
 * to the database.
 */
export const openApiOf = async ({
  app,
  database,
}: Pick<IdentityApp, 'app' | 'database'>): Promise<Required<Pick<OpenAPIObject, 'paths' | 'components'>>> => {
  const { id } = await addTestOperator(database, `openapi-${process.hrtime.bigint()}`);
  const authorization = `Bearer ${operatorTokenOf(id)}`;
  const [api, operators] = await Promise.all(
    ['/openapi.json', '/ops/openapi.json'].map(
      async (url) => (await app.inject({ url, headers: { authorization } })).json() as OpenAPIObject,
    ),
  );
  return {
    paths: { ...api?.paths, ...operators?.paths },
    components: { ...api?.components, schemas: { ...api?.components?.schemas, ...operators?.components?.schemas } },
  };
};
