import type { Pool, PoolClient } from 'pg';
import { withClient } from './pools';
import { type Scope, scopedQuery } from './scoped-query';

/** SQL with a name of its own: it is prepared once a connection. */
export interface Statement {
  /** Unique in the product. */
  readonly name: string;
  readonly text: string;
}

/** Anything that can be a parameter of a statement. */
export type Parameter = string | number | bigint | boolean | Date | null | readonly string[];

interface Queries {
  /** One round trip. Row-level security shows what belongs to the scope, whatever the statement says. */
  query<Row>(statement: Statement, values: readonly Parameter[]): Promise<Row[]>;
}

/** Sees one tenant's rows. It has no unscoped method. */
export interface TenantDb extends Queries {
  readonly tenantId: string;
  /** The names of people who were found to belong to the tenant. */
  people(personIds: readonly string[]): Queries;
}

/** Sees one person's own rows, wherever they are. */
export interface PersonDb extends Queries {
  readonly personId: string;
  /** The names of companies that the person was found to belong to. */
  tenants(tenantIds: readonly string[]): Queries;
}

/** The only way from a request to the read models. */
export interface ScopedDb {
  tenant(tenantId: string): TenantDb;
  person(personId: string): PersonDb;
  /** Sees which invitation a token is of. @param tokenHash SHA-256 of it, in hexadecimal */
  invitation(tokenHash: string): Queries;
}

/** @param pool connects as the app role, which row-level security binds */
export const createScopedDb = (pool: Pool): ScopedDb => {
  const queries = (scope: Scope): Queries => ({
    query: async <Row>({ name, text }: Statement, values: readonly Parameter[]) => {
      const { rows } = await withClient(pool, (client: PoolClient) =>
        scopedQuery((query) => client.query(query as never), { name, text, values: [...values] }, scope),
      );
      return rows as Row[];
    },
  });
  return {
    tenant: (tenantId) => ({
      tenantId,
      ...queries({ tenantId }),
      people: (personIds) => queries({ personIds }),
    }),
    person: (personId) => ({
      personId,
      ...queries({ personId }),
      tenants: (tenantIds) => queries({ tenantIds }),
    }),
    invitation: (invitation) => queries({ invitation }),
  };
};
