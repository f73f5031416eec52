/** The PostgreSQL types that columns of read models may have. */
export type ColumnType = 'uuid' | 'text' | 'integer' | 'bigint' | 'boolean' | 'timestamptz' | 'date' | 'jsonb';
export type Value = string | number | bigint | boolean | null;

export interface Table {
  /** The columns of the primary key. */
  readonly key: readonly string[];
  /** Every column that the projection writes, including those of the key. */
  readonly columns: { readonly [column: string]: ColumnType };
  /** The table holds sums: handlers only add to its columns, and every column outside the key is an `integer`. */
  readonly sums?: true;
}

export type Tables = { readonly [table: string]: Table };

export type Row = { readonly [column: string]: Value };

/** The amounts that are added to columns. */
export type Added = { readonly [column: string]: number };

/** The changes that a handler may make to a table. */
export interface RowWriter {
  /** Writes a row with all of its columns; it replaces an existing row with the same key. */
  put(row: Row): void;
  /** Changes some columns of the row with this key. Without such a row, nothing changes. */
  patch(key: Row, columns: Row): void;
  /** Deletes the row with this key, if there is one. */
  remove(key: Row): void;
}

/** The changes that a handler may make to a table of sums. */
export interface SumWriter {
  /**
   * Adds amounts, which may be negative, to columns of the row with this key. A new row begins with zeros. Each event
   * is added once, because its rows and the move of the checkpoint are one transaction.
   */
  add(key: Row, columns: Added): void;
}

export type Writers<T extends Tables> = {
  readonly [table in keyof T]: T[table] extends { readonly sums: true } ? SumWriter : RowWriter;
};
