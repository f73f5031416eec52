import { createChecks } from './column-values';
import type { Added, Row, RowWriter, SumWriter, Table, Tables, Value, Writers } from './tables';

export type Operation =
  | { readonly kind: 'put'; row: Row }
  | { readonly kind: 'patch'; readonly key: Row; columns: Row }
  | { readonly kind: 'remove'; readonly key: Row }
  | { readonly kind: 'add'; readonly key: Row; readonly columns: Added };

/** By table and key: the one operation that a batch of events applies to the row. */
export type Folded = ReadonlyMap<string, ReadonlyMap<string, Operation>>;

/** Combines an operation with the earlier operation on the same row. */
const merge = (operations: ReadonlyMap<string, Operation>, key: string, next: Operation): Operation => {
  if (next.kind === 'put' || next.kind === 'remove') return next;
  const before = operations.get(key);
  if (!before) return next;
  if (next.kind === 'add') return mergeSums(before, next);
  switch (before.kind) {
    case 'put':
      return { kind: 'put', row: { ...before.row, ...next.columns } };
    case 'patch':
      return { kind: 'patch', key: before.key, columns: { ...before.columns, ...next.columns } };
    default:
      return before;
  }
};

/** In a table of sums, the earlier operation is also an addition. */
const mergeSums = (before: Operation, next: Operation & { kind: 'add' }): Operation => {
  if (before.kind !== 'add') return next;
  const columns: Record<string, number> = { ...before.columns };
  for (const column in next.columns) columns[column] = (columns[column] ?? 0) + (next.columns[column] as number);
  return { kind: 'add', key: next.key, columns };
};

/** The complete row that an addition creates: columns to which nothing is added are zero. */
export const rowOfSum = ({ columns }: Table, { key, columns: added }: Operation & { kind: 'add' }): Row => {
  const row: Record<string, Value> = {};
  for (const column in columns) row[column] = key[column] ?? added[column] ?? 0;
  return row;
};

/**
 * Collects the changes of rows, so that a batch needs one statement for each table and kind of change, however often it
 * changes a row. The changes of one event are accepted completely or not at all ({@link RowBuffer.commit}).
 */
export class RowBuffer {
  readonly #tables = new Map<string, Map<string, Operation>>();
  readonly #pending: { operations: Map<string, Operation>; key: string; operation: Operation }[] = [];
  readonly writers: Writers<Tables>;

  constructor(tables: Tables) {
    const writers: Record<string, RowWriter | SumWriter> = {};
    for (const [name, table] of Object.entries(tables)) {
      const operations = new Map<string, Operation>();
      this.#tables.set(name, operations);
      writers[name] = table.sums ? this.#sumWriter(name, table, operations) : this.#rowWriter(name, table, operations);
    }
    this.writers = writers as Writers<Tables>;
  }

  #sumWriter(name: string, table: Table, operations: Map<string, Operation>): SumWriter {
    for (const [column, type] of Object.entries(table.columns))
      if (type !== 'integer' && !table.key.includes(column))
        throw new Error(`${name}.${column} cannot be a sum, because it is not an integer column`);
    const checks = createChecks(name, table);
    return {
      add: (key, columns) => {
        checks.columns(columns);
        this.#pending.push({ operations, key: checks.key(key), operation: { kind: 'add', key, columns } });
      },
    };
  }

  #rowWriter(name: string, table: Table, operations: Map<string, Operation>): RowWriter {
    const checks = createChecks(name, table);
    const push = (key: string, operation: Operation): void => {
      this.#pending.push({ operations, key, operation });
    };
    return {
      put: (row) => {
        checks.columns(row, true);
        push(checks.key(row), { kind: 'put', row });
      },
      patch: (key, columns) => {
        checks.columns(columns);
        push(checks.key(key), { kind: 'patch', key, columns });
      },
      remove: (key) => push(checks.key(key), { kind: 'remove', key }),
    };
  }

  /** Accepts the changes that the handler of one event has made through the writers. */
  commit(): void {
    for (const { operations, key, operation } of this.#pending) operations.set(key, merge(operations, key, operation));
    this.#pending.length = 0;
  }

  /** Discards the changes of the present event, whose handler has thrown. */
  rollback(): void {
    this.#pending.length = 0;
  }

  get folded(): Folded {
    return this.#tables;
  }

  /** The number of rows with a change. */
  get size(): number {
    let size = 0;
    for (const operations of this.#tables.values()) size += operations.size;
    return size;
  }

  /** Replaces the operations of a table by these. */
  keep(table: string, rest: ReadonlyMap<string, Operation>): void {
    const operations = this.#tables.get(table);
    operations?.clear();
    for (const [key, operation] of rest) operations?.set(key, operation);
  }

  clear(): void {
    for (const operations of this.#tables.values()) operations.clear();
  }
}
