import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { createOperatorTokens, MAX_HOURS } from '#identity/tokens/operator-tokens';
import type { Context } from '../bootstrap/context';
import { UsageError } from './usage';

/** A token for /ops. Running this command requires SECRET_KEY, with which anyone can make such tokens anyway. */
export const operatorToken = ({ secretKey }: Pick<Context, 'secretKey'>, args: readonly string[]): string => {
  const { hours = '12', name = userInfo().username } = optionsIn(args);
  if (!/^\d{1,3}$/.test(hours) || Number(hours) < 1 || Number(hours) > MAX_HOURS)
    throw new UsageError(`--hours must be a whole number from 1 to ${MAX_HOURS}`);
  if (!/^[\w.@+-]{1,100}$/.test(name))
    throw new UsageError('--name must be 1 to 100 characters: letters, digits, and . _ @ + -');
  return createOperatorTokens(secretKey).issue(name, Number(hours));
};

const optionsIn = (args: readonly string[]) => {
  try {
    const options = { hours: { type: 'string' }, name: { type: 'string' } } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};
