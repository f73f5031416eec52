import { parseArgs } from 'node:util';
import { CATALOGUE, isRowId, type RowId } from './catalogue';

export interface Options {
  /** Where the report goes as JSON, too. */
  readonly json: string | undefined;
  /** Less of everything: within three minutes. */
  readonly short: boolean;
  /** Undefined: every row. */
  readonly only: ReadonlySet<RowId> | undefined;
}

/** How much is measured. */
export interface Pace {
  readonly short: boolean;
  /** Times that each contender has its turn. */
  readonly rounds: number;
  /** Length of one turn, in seconds, and of the unmeasured time before it. */
  readonly seconds: number;
  readonly warmUp: number;
  /** What counts as a large system. */
  readonly events: number;
  readonly tenants: number;
}

/** @throws Error for an option or a row that does not exist */
export const readOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: { json: { type: 'string' }, short: { type: 'boolean' }, only: { type: 'string' } },
  });
  const asked = values.only?.split(',').map((id) => id.trim());
  const only = asked?.map((id) => {
    if (!isRowId(id)) throw new Error(`there is no row ${id}; the rows are ${Object.keys(CATALOGUE).join(', ')}`);
    return id;
  });
  return { json: values.json, short: values.short ?? false, only: only && new Set(only) };
};

export const paceOf = ({ short }: Options): Pace =>
  short
    ? { short, rounds: 3, seconds: 1, warmUp: 0.25, events: 500_000, tenants: 10_000 }
    : { short, rounds: 5, seconds: 4, warmUp: 1, events: 5_000_000, tenants: 10_000 };
