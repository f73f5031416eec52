/** PostgreSQL types that a read model's column may have. */
export type ColumnType = 'uuid' | 'text' | 'integer' | 'bigint' | 'boolean' | 'timestamptz' | 'date' | 'jsonb';
export type Value = string | number | bigint | boolean | null;

export interface Table {
  /** The columns of its primary key. */
  readonly key: readonly string[];
  /** Every column that the projection writes, the key's too. */
  readonly columns: { readonly [column: string]: ColumnType };
  /** Its rows are only added to: every column beside the key is an `integer`. */
  readonly sums?: true;
}

export type Tables = { readonly [table: string]: Table };

export type Row = { readonly [column: string]: Value };

/** What is added to columns. */
export type Added = { readonly [column: string]: number };

/** What a handler may do to a table. */
export interface RowWriter {
  /** The row with all of its columns; replaces one that is there. */
  put(row: Row): void;
  /** Some columns of the row with this key; nothing where there is none. */
  patch(key: Row, columns: Row): void;
  remove(key: Row): void;
}

/** What a handler may do to a table of sums. */
export interface SumWriter {
  /**
   * So much more, or less, in some columns of the row with this key; it begins at zero. Each event is added once, because its
   * rows and the checkpoint behind it are one transaction.
   */
  add(key: Row, columns: Added): void;
}

export type Writers<T extends Tables> = {
  readonly [table in keyof T]: T[table] extends { readonly sums: true } ? SumWriter : RowWriter;
};
