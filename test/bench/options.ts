import { parseArgs } from 'node:util';
import { CATALOGUE, isRowId, type RowId } from './catalogue';

export interface Options {
  /** The file to which the report is written as JSON. */
  readonly json: string | undefined;
  /** True: shorter turns, fewer rounds and less data, to finish within three minutes. */
  readonly short: boolean;
  /** The rows to measure; undefined: every row. */
  readonly only: ReadonlySet<RowId> | undefined;
}

/** How long and with how much data is measured. */
export interface Pace {
  readonly short: boolean;
  /** The number of turns of each contender. */
  readonly rounds: number;
  /** The length of one turn, and of the unmeasured time before it, in seconds. */
  readonly seconds: number;
  readonly warmUp: number;
  /** The size of the large system. */
  readonly events: number;
  readonly tenants: number;
}

/** @throws Error for an option or a row that does not exist */
export const readOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: { json: { type: 'string' }, short: { type: 'boolean' }, only: { type: 'string' } },
  });
  const ids = values.only?.split(',').map((id) => id.trim());
  const only = ids?.map((id) => {
    if (!isRowId(id)) throw new Error(`there is no row ${id}; the rows are ${Object.keys(CATALOGUE).join(', ')}`);
    return id;
  });
  return { json: values.json, short: values.short ?? false, only: only && new Set(only) };
};

export const paceOf = ({ short }: Options): Pace =>
  short
    ? { short, rounds: 3, seconds: 1, warmUp: 0.25, events: 500_000, tenants: 10_000 }
    : { short, rounds: 5, seconds: 4, warmUp: 1, events: 5_000_000, tenants: 10_000 };
