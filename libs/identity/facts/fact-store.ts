import type { Pool } from 'pg';
import type { JsonObject } from '#event-log/json';
import { withClient } from '#platform/database/connections/pools';

/** A fact of sign-in, or of an operator, that is not in the event log yet. */
export interface Fact {
  /** Its place in the order of all facts, as a decimal number. */
  readonly seq: string;
  /** The command of its append. */
  readonly commandId: string;
  readonly aggregate: 'session' | 'user' | 'operators';
  readonly aggregateId: string;
  /** Null: the fact belongs to no tenant. */
  readonly tenantId: string | null;
  readonly type: string;
  readonly data: JsonObject;
  readonly happenedAt: Date;
  /** The user or, with the aggregate `operators`, the operator who caused it; null: the product. */
  readonly actorId: string | null;
  readonly accessId: string | null;
  /** The request that caused it; null: none did. */
  readonly correlationId: string | null;
  /** The event that caused it; null: none did. */
  readonly causationId: string | null;
  /** How many times it was taken, from 1. */
  readonly attempts: number;
}

export interface WaitingFacts {
  readonly facts: number;
  /** Age of the oldest; 0 if there is none. */
  readonly oldestSeconds: number;
}

const TAKE = {
  name: 'take-facts',
  text: `select seq, command_id as "commandId", aggregate, aggregate_id as "aggregateId", tenant_id as "tenantId", type,
      data, happened_at as "happenedAt", actor_id as "actorId", access_id as "accessId",
      correlation_id as "correlationId", causation_id as "causationId", attempts
    from identity.take_facts($1, $2)`,
};

/** The outbox of the schema `identity`. @param pool connects as the projector */
export const createFactStore = (pool: Pool) => ({
  /**
   * Takes facts, each for one caller, in their order.
   * @param leaseSeconds after which a fact that was not deleted is taken again
   */
  take: async (leaseSeconds: number, limit: number): Promise<Fact[]> => {
    const values = [leaseSeconds, limit];
    const { rows } = await withClient(pool, (client) => client.query<Fact>({ ...TAKE, values }));
    return rows;
  },

  /** Deletes facts that are in the log, or that must not be in it. */
  delete: async (facts: readonly Fact[]): Promise<void> => {
    await withClient(pool, (client) =>
      client.query({
        name: 'delete-facts',
        text: 'select identity.delete_facts($1)',
        values: [facts.map(({ seq }) => seq)],
      }),
    );
  },

  waiting: async (): Promise<WaitingFacts> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<WaitingFacts>({
        name: 'waiting-facts',
        text: 'select facts::integer, oldest_seconds as "oldestSeconds" from identity.waiting_facts()',
      }),
    );
    return rows[0] ?? { facts: 0, oldestSeconds: 0 };
  },
});

export type FactStore = ReturnType<typeof createFactStore>;
