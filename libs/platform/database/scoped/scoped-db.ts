import type { Pool } from 'pg';
import { codeOf } from '../../error-code';
import { createSharedConnections } from '../connections/shared-connections';
import { type Front, type ScopeFront, scopedQuery } from './scoped-query';

/** SQL with a name of its own: it is prepared once a connection. */
export interface Statement {
  /** Unique in the product. */
  readonly name: string;
  readonly text: string;
}

/** Anything that can be a parameter of a statement. */
export type Parameter = string | number | bigint | boolean | Date | null | readonly string[];

export interface Queries {
  /** One round trip. Row-level security shows what belongs to the scope, whatever the statement says. */
  query<Row>(statement: Statement, values: readonly Parameter[]): Promise<Row[]>;
}

/** Sees one tenant's rows. It has no unscoped method. */
export interface TenantDb extends Queries {
  readonly tenantId: string;
  /**
   * The same, with the names of people who are found to belong to the tenant in the same round trip.
   * @param found selects their ids as its only column, from what the tenant sees
   */
  people(found: Statement, values: readonly string[]): Queries;
}

/** Sees one user's own rows, wherever they are. */
export interface UserDb extends Queries {
  readonly userId: string;
  /**
   * The same, with the names of tenants that the user is found to belong to in the same round trip.
   * @param found selects their ids as its only column, from what the user sees
   */
  tenants(found: Statement): Queries;
}

/** The only way from a request to the read models. */
export abstract class ScopedDb {
  abstract tenant(tenantId: string): TenantDb;
  abstract user(userId: string): UserDb;
  /** Sees which invitation a token is of. @param tokenHash SHA-256 of it, in hexadecimal */
  abstract invitation(tokenHash: string): Queries;
}

interface Scope {
  readonly tenantId?: string;
  readonly userId?: string;
  readonly invitation?: string;
}

const inScope = ({ tenantId = '', userId = '', invitation = '' }: Scope): ScopeFront => ({
  name: 'scope',
  text: `select set_config('app.tenant_id', $1, true), set_config('app.user_id', $2, true),
    set_config('app.invitation', $3, true)`,
  values: [tenantId, userId, invitation],
});

/** Widens the scope by what it shows itself: row-level security chooses the ids, and nobody hands them in. */
const revealing = (setting: 'app.user_ids' | 'app.tenant_ids', found: Statement, values: readonly string[]): Front => ({
  name: `${found.name}-revealed`,
  text: `select set_config('${setting}', coalesce(string_agg(id::text, ','), ''), true) from (${found.text}) found (id)`,
  values,
});

/** The server's answers where it could not carry out a prepared statement. Nothing has happened then. */
const isUnprepared = (error: unknown): boolean => {
  if (codeOf(error) === '26000') return true;
  return codeOf(error) === '0A000' && error instanceof Error && /cached plan/.test(error.message);
};

/**
 * ms. The statement in front, which should have prepared this one, failed: at once because of what is now mended (the
 * table was being replaced), or late because of what still lasts (the table is locked), and then asking again would only
 * take as long once more.
 */
const ASK_AGAIN_MS = 1_000;

/** @param pool connects as the app role, which row-level security binds; one of `pipeline` is shared by those who ask */
export const createScopedDb = (pool: Pool): ScopedDb => {
  const shared = createSharedConnections(pool);
  const queries = (...fronts: [ScopeFront, ...Front[]]): Queries => ({
    query: async <Row>({ name, text }: Statement, values: readonly Parameter[]) => {
      const ask = () => shared((client) => scopedQuery(client, { name, text, values: [...values] }, fronts));
      const began = performance.now();
      const { rows } = await ask().catch((error: unknown) => {
        if (!isUnprepared(error) || performance.now() - began > ASK_AGAIN_MS) throw error;
        return ask();
      });
      return rows as Row[];
    },
  });
  return {
    tenant: (tenantId) => {
      const scope = inScope({ tenantId });
      const people = (found: Statement, values: readonly string[]) =>
        queries(scope, revealing('app.user_ids', found, values));
      return { tenantId, ...queries(scope), people };
    },
    user: (userId) => {
      const scope = inScope({ userId });
      const tenants = (found: Statement) => queries(scope, revealing('app.tenant_ids', found, []));
      return { userId, ...queries(scope), tenants };
    },
    invitation: (invitation) => queries(inScope({ invitation })),
  };
};
