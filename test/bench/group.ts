import type { BigSystem } from './big-system';
import type { RowId } from './catalogue';
import type { Pace } from './options';
import type { BenchServer } from './server';

/** The result of one row. */
export interface Measured {
  readonly id: RowId;
  /** One value for each round. The value of the row is their median. */
  readonly samples: readonly number[];
  /** The absolute figures behind the value, as a text. */
  readonly detail: string;
}

export interface Bench {
  readonly server: BenchServer;
  readonly pace: Pace;
  /** Whether the row was requested. */
  wants(id: RowId): boolean;
  /** A log and a read model with millions of events. It is created at the first call. */
  bigSystem(): Promise<BigSystem>;
  /** Prints a line. */
  say(line: string): void;
}

/** Rows that are measured together. */
export interface Group {
  readonly ids: readonly RowId[];
  /** The reason why the group cannot be measured on this machine; undefined: it can. */
  readonly unavailable?: () => string | undefined;
  measure(bench: Bench): Promise<Measured[]>;
}
