import { createOperatorTokens } from '#identity/operators/operator-tokens';
import { createOperators, type Operator } from '#identity/operators/operators';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { TEST_SECRET_KEY, type TestDatabase } from './database';

/** The cause of what a test does as an operator. */
export const OPERATOR_CAUSE = { correlationId: 'test' };

const HOUR = 3_600_000;

/** A token of an operator, also of one that was never added, that is valid for this number of hours. */
export const operatorTokenOf = (operatorId: string, hours = 1): string =>
  createOperatorTokens(TEST_SECRET_KEY).issue({
    ...{ operatorId, tokenId: uuidv7() },
    expiresAt: Math.floor(Date.now() / 1_000) * 1_000 + hours * HOUR,
  });

/** Runs `work` with the operators of a database, with all rights on them. */
export const asOperatorRole = async <T>(
  { urls }: Pick<TestDatabase, 'urls'>,
  work: (operators: ReturnType<typeof createOperators>) => Promise<T>,
): Promise<T> => {
  const pool = createPool({ url: urls.operator, max: 1, applicationName: 'test' });
  try {
    return await work(createOperators(pool));
  } finally {
    await pool.end();
  }
};

/** Adds an operator to a database, by the first operator that it has. */
export const addTestOperator = (database: Pick<TestDatabase, 'urls'>, name = 'ada'): Promise<Operator> =>
  asOperatorRole(database, async (operators) => {
    const [first] = await operators.list();
    await operators.add(name, first?.id ?? null, 'a test needs an operator', OPERATOR_CAUSE);
    return (await operators.find({ name })) as Operator;
  });
