import type { BigSystem } from './big-system';
import type { RowId } from './catalogue';
import type { Pace } from './options';
import type { BenchServer } from './server';

/** One row's outcome. */
export interface Measured {
  readonly id: RowId;
  /** One value a round; the row's value is their median. */
  readonly samples: readonly number[];
  /** What lies behind the value, for people. */
  readonly detail: string;
}

export interface Bench {
  readonly server: BenchServer;
  readonly pace: Pace;
  /** Whether the row was asked for. */
  wants(id: RowId): boolean;
  /** A log and a read model with millions of events, made when it is first asked for. */
  bigSystem(): Promise<BigSystem>;
  /** A line for people. */
  say(line: string): void;
}

/** Rows that are measured together. */
export interface Group {
  readonly ids: readonly RowId[];
  /** Undefined: it can be measured here. Else why not. */
  readonly unavailable?: () => string | undefined;
  measure(bench: Bench): Promise<Measured[]>;
}
