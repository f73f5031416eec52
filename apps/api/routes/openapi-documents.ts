import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AccessRecords } from '#access/access-records';
import { ApiModule } from '../api.module';
import type { ApiDeps } from '../core/api-context';
import type { ContractDeps } from '../http/contract/contract.guard';
import { ContractModule } from '../http/contract/contract.module';
import type { PositionTokens } from '../http/contract/position-token';
import { createOpenApiDocuments, type OpenApiDocuments } from '../http/openapi/openapi';

/**
 * The OpenAPI documents of the API, without a running server: in its preview mode, Nest reads the decorators and creates
 * no provider. `npm run check` examines the documents with a linter.
 */
export const readOpenApiDocuments = async (): Promise<OpenApiDocuments> => {
  const url = 'https://api.example.com';
  const root = {
    module: class {},
    imports: [
      ContractModule.with({} as ContractDeps, {} as PositionTokens),
      ApiModule.with({} as ApiDeps, { publicUrl: () => url, accessRecords: {} as AccessRecords }),
    ],
  };
  const app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), {
    preview: true,
    logger: false,
    abortOnError: false,
  });
  const documents = createOpenApiDocuments(app, { version: '1', url });
  await app.close();
  // As clients receive them, without the undefined values that JSON leaves out.
  return JSON.parse(JSON.stringify(documents)) as OpenApiDocuments;
};
