import type { FastifyRequest } from 'fastify';
import type { AccessRecords } from '#access/access-records';
import {
  createOperators,
  NoSuchOperator,
  type OperatorActionInput,
  type Operators,
} from '#identity/operators/operators';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import type { ApiContext } from '../core/api-context';
import { accessOfOperator } from '../http/requests/client';
import { causeOf } from '../http/requests/command-context';
import { requestStateOf } from '../http/requests/request-context';

export interface OperatorLogDeps {
  readonly operators: Pick<Operators, 'recordAction'>;
  readonly accessRecords: Pick<AccessRecords, 'find'>;
}

/** Records what operators do with requests, for the event log. */
export const createOperatorLog = ({ operators, accessRecords }: OperatorLogDeps) => ({
  /**
   * Records what the operator of a request is about to do. Call it before the action, so that nothing is done without a
   * record.
   * @throws Problem unauthenticated: the operator was removed meanwhile
   * @throws the error of the database
   */
  record: async (request: FastifyRequest, action: OperatorActionInput): Promise<void> => {
    const { operator, requestId } = requestStateOf(request);
    if (!operator)
      throw new Error('a route that records what an operator does has no @ForOperators(); add the decorator');
    const accessId = await accessRecords.find(accessOfOperator(request, operator.tokenId), null);
    try {
      await operators.recordAction(operator.id, action, causeOf({ requestId, accessId }));
    } catch (error) {
      if (error instanceof NoSuchOperator)
        throw new Problem('unauthenticated', { detail: 'You are no operator any more.' });
      throw error;
    }
  },
});

/** See {@link createOperatorLog}. */
export abstract class OperatorLog extends tokenClass<ReturnType<typeof createOperatorLog>>() {}

/** The log of the operators of an API. */
export const openOperatorLog = ({ projectorPool }: ApiContext, accessRecords: AccessRecords): OperatorLog =>
  createOperatorLog({ operators: createOperators(projectorPool), accessRecords });
