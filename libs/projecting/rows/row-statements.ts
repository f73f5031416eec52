import { createHash } from 'node:crypto';
import { escapeIdentifier } from 'pg';
import { scalarArray } from '#platform/database/array-literal';
import { type Folded, type Operation, rowOfSum } from './row-buffer';
import type { Row, Table, Tables, Value } from './tables';

/**
 * Common table expressions that write the rows of a batch, and their parameters. The caller joins them to one
 * statement.
 */
export interface RowStatement {
  readonly expressions: string[];
  readonly values: string[];
}

/** The name of a prepared statement; equal texts have equal names. */
export const statementName = (text: string): string => `t-${createHash('sha1').update(text).digest('base64url')}`;

type Columns = readonly string[];

class Parameters {
  readonly values: string[] = [];
  constructor(private readonly first: number) {}

  unnest(table: Table, columns: Columns, rows: readonly Row[]): string {
    const arrays = columns.map((column) => {
      const type = table.columns[column] as string;
      this.values.push(scalarArray(rows.map((row) => row[column] as Value)));
      return `$${this.first + this.values.length - 1}::${type}[]`;
    });
    return `unnest(${arrays.join(', ')})`;
  }
}

const list = (columns: Columns, prefix = ''): string =>
  columns.map((it) => `${prefix}${escapeIdentifier(it)}`).join(', ');
const matching = (key: Columns): string =>
  key.map((it) => `t.${escapeIdentifier(it)} = v.${escapeIdentifier(it)}`).join(' and ');

const upsertRows = (
  target: string,
  table: Table,
  rows: Row[],
  guard: string,
  parameters: Parameters,
  newValueOf: (column: string) => string,
): string => {
  const columns = Object.keys(table.columns);
  const others = columns.filter((column) => !table.key.includes(column));
  const update =
    others.length > 0
      ? `update set ${others.map((it) => `${escapeIdentifier(it)} = ${newValueOf(escapeIdentifier(it))}`).join(', ')}`
      : 'nothing';
  return `insert into ${target} as t (${list(columns)})
    select * from ${parameters.unnest(table, columns, rows)} where ${guard}
    on conflict (${list(table.key)}) do ${update}`;
};

const replaced = (column: string): string => `excluded.${column}`;
const summed = (column: string): string => `t.${column} + excluded.${column}`;

const patchRows = (
  target: string,
  table: Table,
  patches: Row[],
  columns: Columns,
  guard: string,
  parameters: Parameters,
): string =>
  `update ${target} t set ${columns.map((it) => `${escapeIdentifier(it)} = v.${escapeIdentifier(it)}`).join(', ')}
    from ${parameters.unnest(table, [...table.key, ...columns], patches)} as v (${list([...table.key, ...columns])})
    where ${matching(table.key)} and ${guard}`;

const removeRows = (target: string, table: Table, keys: Row[], guard: string, parameters: Parameters): string =>
  `delete from ${target} t using ${parameters.unnest(table, table.key, keys)} as v (${list(table.key)})
    where ${matching(table.key)} and ${guard}`;

interface OperationsByKind {
  readonly puts: Row[];
  readonly sums: Row[];
  readonly removes: Row[];
  /** Grouped by the set of columns that they change. */
  readonly patches: Map<string, { columns: Columns; rows: Row[] }>;
}

const groupByKind = (table: Table, operations: Iterable<Operation>): OperationsByKind => {
  const groups: OperationsByKind = { puts: [], sums: [], removes: [], patches: new Map() };
  for (const operation of operations) {
    if (operation.kind === 'put') groups.puts.push(operation.row);
    else if (operation.kind === 'remove') groups.removes.push(operation.key);
    else if (operation.kind === 'add') groups.sums.push(rowOfSum(table, operation));
    else {
      const columns = Object.keys(operation.columns).sort();
      const group = groups.patches.get(columns.join()) ?? { columns, rows: [] };
      group.rows.push({ ...operation.columns, ...operation.key });
      groups.patches.set(columns.join(), group);
    }
  }
  return groups;
};

/**
 * Builds one `insert`, `update` or `delete` from `unnest` for each table and kind of change. Each row is in at most one
 * of them, so their order does not matter.
 * @param guard SQL condition under which the rows are written
 * @param first number of the first parameter
 */
export const rowStatement = (
  schema: string,
  tables: Tables,
  folded: Folded,
  guard: string,
  first: number,
): RowStatement => {
  const parameters = new Parameters(first);
  const expressions: string[] = [];
  for (const [name, operations] of folded) {
    const table = tables[name];
    if (!table || operations.size === 0) continue;
    const target = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
    const { puts, sums, patches, removes } = groupByKind(table, operations.values());
    if (puts.length > 0) expressions.push(upsertRows(target, table, puts, guard, parameters, replaced));
    if (sums.length > 0) expressions.push(upsertRows(target, table, sums, guard, parameters, summed));
    for (const { columns, rows } of patches.values()) {
      if (columns.length > 0) expressions.push(patchRows(target, table, rows, columns, guard, parameters));
    }
    if (removes.length > 0) expressions.push(removeRows(target, table, removes, guard, parameters));
  }
  return { expressions, values: parameters.values };
};
