import type { Pool } from 'pg';
import { codeOf } from '../../error-code';
import { createSharedConnections } from '../connections/shared-connections';
import { type Prelude, type ScopePrelude, scopedQuery } from './scoped-query';

/** SQL with a name, which is prepared once for each connection. */
export interface Statement {
  /** Unique in the product. */
  readonly name: string;
  readonly text: string;
}

/** Anything that can be a parameter of a statement. */
export type Parameter = string | number | bigint | boolean | Date | null | readonly string[];

export interface Queries {
  /**
   * Runs the statement in one round trip. Row-level security limits it to the rows of the scope.
   * @throws the error of the database
   */
  query<Row>(statement: Statement, values: readonly Parameter[]): Promise<Row[]>;
}

/** Gives queries access to one tenant's rows. It has no unscoped method. */
export interface TenantDb extends Queries {
  readonly tenantId: string;
  /**
   * The same scope, in which the names of the found users are visible, too.
   * @param found selects ids of users as its only column, from the rows that the tenant sees. It runs in the same round
   * trip
   */
  withUserNames(found: Statement, values: readonly string[]): Queries;
}

/** Gives queries access to one user's rows, in all tenants. */
export interface UserDb extends Queries {
  readonly userId: string;
  /**
   * The same scope, in which the names of the found tenants are visible, too.
   * @param found selects ids of tenants as its only column, from the rows that the user sees. It runs in the same round
   * trip
   */
  withTenants(found: Statement): Queries;
}

/** All requests read the read models through this class. */
export abstract class ScopedDb {
  abstract tenant(tenantId: string): TenantDb;
  abstract user(userId: string): UserDb;
  /** Gives queries access to the invitation of a token. @param tokenHash SHA-256 of the token, in hexadecimal */
  abstract invitation(tokenHash: string): Queries;
}

interface Scope {
  readonly tenantId?: string;
  readonly userId?: string;
  readonly invitation?: string;
}

const scopePrelude = ({ tenantId = '', userId = '', invitation = '' }: Scope): ScopePrelude => ({
  name: 'scope',
  text: `select set_config('app.tenant_id', $1, true), set_config('app.user_id', $2, true),
    set_config('app.invitation', $3, true)`,
  values: [tenantId, userId, invitation],
});

/**
 * Adds ids to the scope. They are selected within the scope, under row-level security, and never come from the request.
 */
const idsPrelude = (
  setting: 'app.user_ids' | 'app.tenant_ids',
  found: Statement,
  values: readonly string[],
): Prelude => ({
  name: `${found.name}-revealed`,
  text: `select set_config('${setting}', coalesce(string_agg(id::text, ','), ''), true) from (${found.text}) found (id)`,
  values,
});

/**
 * True if the server could not run a prepared statement because of its preparation. The statement had no effect then.
 */
const isUnprepared = (error: unknown): boolean => {
  if (codeOf(error) === '26000') return true;
  return codeOf(error) === '0A000' && error instanceof Error && /cached plan/.test(error.message);
};

/**
 * ms after which a query whose statement was not prepared is not repeated. After a quick failure the cause is probably
 * gone (a table was being replaced). After a slow one it probably remains (a table is locked), and a second attempt
 * would take as long as the first.
 */
const RETRY_WITHIN_MS = 1_000;

/**
 * @param pool connects as the app role, to which row-level security applies. With `pipeline`, queries share connections
 */
export const createScopedDb = (pool: Pool): ScopedDb => {
  const shared = createSharedConnections(pool);
  const queries = (...preludes: [ScopePrelude, ...Prelude[]]): Queries => ({
    query: async <Row>({ name, text }: Statement, values: readonly Parameter[]) => {
      const run = () => shared((client) => scopedQuery(client, { name, text, values: [...values] }, preludes));
      const began = performance.now();
      const { rows } = await run().catch((error: unknown) => {
        if (!isUnprepared(error) || performance.now() - began > RETRY_WITHIN_MS) throw error;
        return run();
      });
      return rows as Row[];
    },
  });
  return {
    tenant: (tenantId) => {
      const scope = scopePrelude({ tenantId });
      const withUserNames = (found: Statement, values: readonly string[]) =>
        queries(scope, idsPrelude('app.user_ids', found, values));
      return { tenantId, ...queries(scope), withUserNames };
    },
    user: (userId) => {
      const scope = scopePrelude({ userId });
      const withTenants = (found: Statement) => queries(scope, idsPrelude('app.tenant_ids', found, []));
      return { userId, ...queries(scope), withTenants };
    },
    invitation: (invitation) => queries(scopePrelude({ invitation })),
  };
};
