import { parseArgs } from 'node:util';
import { createOperatorTokens, MAX_HOURS } from '#identity/operators/operator-tokens';
import { createOperators, OPERATOR_NAME } from '#identity/operators/operators';
import { uuidv7 } from '#platform/ids/uuid';
import type { Context } from '../bootstrap/context';
import { findOperator, newCause, type OperatorOptions, requireReason, withOperatorPool } from './operator-session';
import { table } from './table';
import { UsageError } from './usage';

/** Lists everyone who is or was an operator. */
export const listOperators = (context: Context): Promise<string> =>
  withOperatorPool(context, async (pool) => {
    const operators = await createOperators(pool).list();
    if (operators.length === 0) return 'there are no operators; add the first one with `tenantry operators add NAME`';
    return table(
      ['operator', 'id', 'added', 'removed'],
      operators.map(({ name, id, addedAt, removedAt }) => [
        ...[name, id, addedAt.toISOString(), removedAt?.toISOString() ?? ''],
      ]),
    );
  });

const nameIn = ({ words }: OperatorOptions): string => {
  const [name, ...rest] = words;
  if (name === undefined || rest.length > 0 || !OPERATOR_NAME.test(name))
    throw new UsageError('name one operator: 1 to 100 characters, letters, digits, and . _ @ + -');
  return name;
};

/**
 * Adds an operator. The first one adds themselves: anyone who has SECRET_KEY and the database can run the product.
 * @throws UsageError the name is taken, or the user of the command is no operator
 */
export const addOperator = (context: Context, options: OperatorOptions): Promise<string> =>
  withOperatorPool(context, async (pool) => {
    const [name, reason] = [nameIn(options), requireReason(options.reason)];
    const operators = createOperators(pool);
    const isFirst = (await operators.list()).every(({ removedAt }) => removedAt !== null);
    const by = isFirst ? null : (await findOperator(pool, options)).id;
    if ((await operators.add(name, by, reason, await newCause(pool))) === 'exists')
      throw new UsageError(`there is an operator ${name} already`);
    return `${name} is an operator; \`tenantry operators token --as ${name}\` prints a token`;
  });

/**
 * Removes an operator. All tokens of the operator are refused from now on.
 * @throws UsageError there is no such operator, or the user of the command is none
 */
export const removeOperator = (context: Context, options: OperatorOptions): Promise<string> =>
  withOperatorPool(context, async (pool) => {
    const [name, reason] = [nameIn(options), requireReason(options.reason)];
    const by = await findOperator(pool, options);
    if ((await createOperators(pool).remove(name, by.id, reason, await newCause(pool))) === 'unknown')
      throw new UsageError(`there is no operator ${name}; \`tenantry operators list\` shows them`);
    return `${name} is no operator any more; the tokens of ${name} are refused`;
  });

/** Makes a token for /ops. */
export const operatorToken = (context: Context, options: OperatorOptions): Promise<string> =>
  withOperatorPool(context, async (pool) => {
    const hours = hoursIn(options.words);
    const operator = await findOperator(pool, options);
    const [tokenId, expiresAt] = [uuidv7(), (Math.floor(Date.now() / 1_000) + hours * 3_600) * 1_000];
    await createOperators(pool).recordToken(operator.id, tokenId, new Date(expiresAt), await newCause(pool));
    return createOperatorTokens(context.secretKey).issue({ operatorId: operator.id, tokenId, expiresAt });
  });

/** @throws UsageError */
const hoursIn = (words: readonly string[]): number => {
  const { hours = '12' } = optionsIn(words);
  if (!/^\d{1,3}$/.test(hours) || Number(hours) < 1 || Number(hours) > MAX_HOURS)
    throw new UsageError(`--hours must be a whole number from 1 to ${MAX_HOURS}`);
  return Number(hours);
};

const optionsIn = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options: { hours: { type: 'string' } } }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};
