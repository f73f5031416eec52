import { userInfo } from 'node:os';
import type { Pool } from 'pg';
import { COMMAND_LINE_ACCESS } from '#access/access';
import { createAccessRecords } from '#access/access-records';
import type { CommandContext } from '#domain/command';
import type { OperatorAction } from '#domain/operators/events';
import type { FactCause } from '#identity/facts/cause';
import { createOperators, MAX_REASON, NoSuchOperator, type Operator } from '#identity/operators/operators';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import type { Context } from '../bootstrap/context';
import { UsageError } from './usage';

/** The words of a command, without the options that every command has. */
export interface OperatorOptions {
  readonly words: readonly string[];
  /** Value of `--as`. */
  readonly as: string | undefined;
  /** Value of `--reason`. */
  readonly reason: string | undefined;
}

/** Separates `--as NAME` and `--reason TEXT` from the other words of a command. @throws UsageError a value is missing */
export const takeOperatorOptions = (all: readonly string[]): OperatorOptions => {
  const words: string[] = [];
  const found = new Map<string, string>();
  for (let at = 0; at < all.length; at++) {
    const [, option, inline] = /^(--as|--reason)(?:=(.*))?$/s.exec(all[at] ?? '') ?? [];
    if (option === undefined) {
      words.push(all[at] ?? '');
      continue;
    }
    const value = inline ?? all[++at];
    if (value === undefined) throw new UsageError(`${option} needs a value`);
    if (found.has(option)) throw new UsageError(`${option} is given twice`);
    found.set(option, value);
  }
  return { words, as: found.get('--as'), reason: found.get('--reason') };
};

/** Who runs a command that changes something, and the cause of what it changes. */
export interface OperatorSession {
  readonly operator: Operator;
  readonly cause: Required<Pick<FactCause, 'correlationId'>> & { readonly accessId: string };
}

/**
 * Records what a command is about to do. A command calls it once, when its arguments are valid and before it changes
 * anything.
 * @param target what it is done to; null: the action has no object
 * @param tenantId the tenant that it concerns; null: no tenant, or several
 * @throws UsageError `--reason` is missing, or the user of the command is no operator
 */
export type RecordAction = (
  action: OperatorAction,
  target: string | null,
  tenantId?: string | null,
) => Promise<OperatorSession>;

const NO_OPERATOR = (name: string): UsageError =>
  new UsageError(`there is no operator ${name}; name one with --as, or add one with \`tenantry operators add\``);

/** @throws UsageError the reason is missing, too long, or has line breaks */
export const requireReason = (reason: string | undefined): string => {
  const text = reason?.trim() ?? '';
  if (text === '' || text.length > MAX_REASON || /\p{Cc}/u.test(text))
    throw new UsageError(
      `this command needs --reason "why you do it": 1 to ${MAX_REASON} characters on one line. The event log keeps it.`,
    );
  return text;
};

/** The name of the operator who runs a command: `--as`, or the user of the operating system. */
const operatorNameOf = ({ as }: Pick<OperatorOptions, 'as'>): string => as ?? userInfo().username;

/** Runs `work` with a pool that connects as the operator. */
export const withOperatorPool = async <T>(
  { databaseUrls }: Pick<Context, 'databaseUrls'>,
  work: (pool: Pool) => Promise<T>,
): Promise<T> => {
  const pool = createPool({ url: databaseUrls.operator, max: 1, applicationName: 'tenantry-cli' });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
};

/** The cause of what one run of the command line changes. Its correlation id is new. */
export const newCause = async (pool: Pool): Promise<OperatorSession['cause']> => ({
  correlationId: `cli-${uuidv7()}`,
  accessId: await createAccessRecords({ pool }).find(COMMAND_LINE_ACCESS, null),
});

/** The operator who runs a command. @throws UsageError there is none with this name */
export const findOperator = async (pool: Pool, options: Pick<OperatorOptions, 'as'>): Promise<Operator> => {
  const name = operatorNameOf(options);
  const operator = await createOperators(pool).find({ name });
  if (!operator) throw NO_OPERATOR(name);
  return operator;
};

/** See {@link RecordAction}, for one run of the command line. */
export const recordActions =
  (context: Pick<Context, 'databaseUrls'>, options: OperatorOptions): RecordAction =>
  (action, target, tenantId = null) => {
    const reason = requireReason(options.reason);
    return withOperatorPool(context, async (pool) => {
      const operator = await findOperator(pool, options);
      const cause = await newCause(pool);
      await createOperators(pool)
        .recordAction(operator.id, { action, target, tenantId, reason }, cause)
        .catch((error: unknown) => {
          throw error instanceof NoSuchOperator ? NO_OPERATOR(operator.name) : error;
        });
      return { operator, cause };
    });
  };

/** The context of a command to an aggregate that an operator sends. */
export const commandContextOf = ({ operator, cause }: OperatorSession): CommandContext => ({
  ...{ commandId: uuidv7(), actor: { kind: 'operator', id: operator.id }, ...cause },
});
