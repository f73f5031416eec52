import type { Pool } from 'pg';
import type { OperatorAction } from '#domain/operators/events';
import { withClient } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { tokenClass } from '#platform/token-class';
import { causeJson, type FactCause } from '../facts/cause';

/** A person who runs the product. Operators are no users of the product and belong to no tenant. */
export interface Operator {
  readonly id: string;
  readonly name: string;
}

/** An operator, or a former one. */
export interface ListedOperator extends Operator {
  readonly addedAt: Date;
  /** Null: an operator now. */
  readonly removedAt: Date | null;
}

/** Something that an operator is about to do. */
export interface OperatorActionInput {
  readonly action: OperatorAction;
  /** What it is done to; null: the action has no object. */
  readonly target: string | null;
  /** The tenant that it concerns; null: no tenant, or several. */
  readonly tenantId: string | null;
  /** Why, in the operator's words; null: the operator was not asked. */
  readonly reason: string | null;
}

/** Letters, digits and `. _ @ + -`, at most 100 characters. */
export const OPERATOR_NAME = /^[A-Za-z0-9_.@+-]{1,100}$/;

/** Characters of a reason. */
export const MAX_REASON = 500;

/** Thrown if a person is no operator any more, or never was. */
export class NoSuchOperator extends Error {
  override readonly name = 'NoSuchOperator';
  constructor() {
    super('this operator does not exist or was removed');
  }
}

/**
 * The operators of the product, by name and id. What they do is stored as a fact in the same database, and reaches the
 * event log a moment later. So it can be recorded while the log is not available.
 */
export const createOperators = (pool: Pool) => {
  const call = async <Row extends object>(text: string, values: unknown[]): Promise<Row[]> => {
    const { rows } = await withClient(pool, (client) => client.query<Row>(text, values));
    return rows;
  };

  return {
    /**
     * Adds an operator, with a new id also for a name that was used before.
     * @param by the id of the operator who adds; null only for the first one, who then adds themselves
     * @returns `exists`: another operator has this name, in upper or lower case
     * @throws NoSuchOperator `by` is no operator
     */
    add: async (name: string, by: string | null, reason: string, cause: FactCause): Promise<'added' | 'exists'> => {
      const [row] = await call<{ result: 'added' | 'exists' | 'forbidden' }>(
        'select identity.add_operator($1, $2, $3, $4, $5) as result',
        [uuidv7(), name, by, reason, causeJson(cause)],
      );
      if (!row || row.result === 'forbidden') throw new NoSuchOperator();
      return row.result;
    },

    /**
     * Removes an operator. All tokens of the operator are refused from now on.
     * @param by the id of the operator who removes; they may remove themselves
     * @returns `unknown`: no operator has this name
     * @throws NoSuchOperator `by` is no operator
     */
    remove: async (name: string, by: string, reason: string, cause: FactCause): Promise<'removed' | 'unknown'> => {
      const [row] = await call<{ result: 'removed' | 'unknown' | 'forbidden' }>(
        'select identity.remove_operator($1, $2, $3, $4) as result',
        [name, by, reason, causeJson(cause)],
      );
      if (!row || row.result === 'forbidden') throw new NoSuchOperator();
      return row.result;
    },

    /** Everyone who is or was an operator, in the order in which they were added. */
    list: (): Promise<ListedOperator[]> =>
      call<ListedOperator>(
        'select id, name, added_at as "addedAt", removed_at as "removedAt" from identity.list_operators()',
        [],
      ),

    /** The operator with this id or name; undefined if there is none, or if the operator was removed. */
    find: async ({ id, name }: Partial<Operator>): Promise<Operator | undefined> => {
      const [row] = await call<Operator>('select id, name from identity.find_operator($1, $2)', [
        id ?? null,
        name ?? null,
      ]);
      return row;
    },

    /**
     * Records that a token is made for an operator.
     * @throws NoSuchOperator the operator was removed
     */
    recordToken: async (id: string, tokenId: string, expiresAt: Date, cause: FactCause): Promise<void> => {
      const [row] = await call<{ recorded: boolean }>(
        'select identity.issue_operator_token($1, $2, $3, $4) as recorded',
        [id, tokenId, expiresAt, causeJson(cause)],
      );
      if (!row?.recorded) throw new NoSuchOperator();
    },

    /**
     * Records what an operator is about to do. Call it before the action, so that nothing is done without a record.
     * @throws NoSuchOperator the operator was removed, and may not do it
     */
    recordAction: async (
      id: string,
      { action, target, tenantId, reason }: OperatorActionInput,
      cause: FactCause,
    ): Promise<void> => {
      const [row] = await call<{ recorded: boolean }>(
        'select identity.record_operator_action($1, $2, $3, $4, $5, $6) as recorded',
        [id, action, target, tenantId, reason, causeJson(cause)],
      );
      if (!row?.recorded) throw new NoSuchOperator();
    },
  };
};

/**
 * See {@link createOperators}. With a pool that connects as the projector, only `find` and `recordAction` are allowed;
 * all of them with one that connects as the operator.
 */
export abstract class Operators extends tokenClass<ReturnType<typeof createOperators>>() {}
