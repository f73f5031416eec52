import type { ColumnType, Row, Table } from './tables';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_OF_ANY_CASE = new RegExp(UUID, 'i');
/** RFC 3339: the words that PostgreSQL takes too (`now`, `infinity`) mean something else each time, or to each reader. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
const LARGEST = 2n ** 63n;

/** Types whose values have one text each, so that two keys are the same row where their texts are the same. */
const KEY_TYPES: ReadonlySet<ColumnType> = new Set(['uuid', 'text', 'integer', 'bigint', 'boolean', 'date']);

/** @throws Error where a column of the key has a type whose equal values may differ in their text */
const requireKeyTypes = (
  table: string,
  { key, columns }: { readonly key: readonly string[]; readonly columns: Readonly<Record<string, ColumnType>> },
): void => {
  for (const column of key) {
    const type = columns[column];
    if (!type || !KEY_TYPES.has(type)) throw new Error(`${table}.${column} of type ${type} cannot be part of a key`);
  }
};

/**
 * PostgreSQL refuses NUL, and would be sent another character for half of a surrogate pair. `indexOf`, because it is the
 * quicker one by far, and this runs for each text of each event.
 */
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.isWellFormed() && value.indexOf('\0') < 0;

const isJson = (value: unknown): boolean => {
  if (!isText(value)) return false;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
};

const isLarge = (value: unknown): boolean =>
  typeof value === 'bigint' ? value >= -LARGEST && value < LARGEST : Number.isSafeInteger(value);

/** Whether a value is of a column's type, so that its text can be made and means the same in the database. */
const isOfType = (type: ColumnType, value: unknown): boolean => {
  switch (type) {
    case 'uuid':
      return typeof value === 'string' && UUID_OF_ANY_CASE.test(value);
    case 'text':
      return isText(value);
    case 'integer':
      return typeof value === 'number' && (value | 0) === value;
    case 'bigint':
      return isLarge(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'timestamptz':
      return typeof value === 'string' && TIMESTAMP.test(value);
    case 'date':
      return typeof value === 'string' && DATE.test(value);
    case 'jsonb':
      return isJson(value);
  }
};

/** What an operator is shown of a value: its kind alone, because the value itself may be a tenant's secret. */
const kindOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'string' ? `a text of ${value.length} characters` : `a value of type ${typeof value}`;
};

/**
 * The checks of a table's rows, each one loop. Null is of every type; whether the column takes it is the database's to say.
 * The errors name the column and its type, and of the value no more than its kind.
 */
export const createChecks = (name: string, table: Pick<Table, 'key' | 'columns'>) => {
  requireKeyTypes(name, table);
  const columns = Object.keys(table.columns);
  const types = Object.values(table.columns);
  const places = new Map(columns.map((column, at) => [column, at]));
  const keyPlaces = table.key.map((column) => places.get(column) as number);
  /** The last text of each column that was found right: ids of tenants, dates and times come many times in a row. */
  const right: (string | null)[] = columns.map(() => null);
  /** A UUID with capitals has come: keys are made lower-case from here on, as all UUIDs before it were. */
  let ofAnyCase = false;

  const check = (at: number, value: unknown): void => {
    if (value === null || value === right[at]) return;
    const type = types[at] as ColumnType;
    if (type === 'uuid' && typeof value === 'string' && UUID.test(value)) {
      right[at] = value;
      return;
    }
    if (!isOfType(type, value))
      throw new Error(
        `${name}.${columns[at]} takes ${type} and was given ${kindOf(value)}; correct the event's handler`,
      );
    if (type === 'uuid') ofAnyCase = true;
    else if (type !== 'text' && typeof value === 'string') right[at] = value;
  };

  return {
    /** @param whole all columns must be there @throws Error where a column is unknown, missing, or not of its type */
    columns: (row: Row, whole = false): void => {
      let known = 0;
      for (const column in row) {
        // Handlers name the columns in the table's order, but for patches.
        const at = columns[known] === column ? known : places.get(column);
        if (at === undefined) throw new Error(`${name} has no column ${column}`);
        const value = row[column];
        if (value === undefined) throw new Error(`${name}.${column} is undefined`);
        check(at, value);
        known++;
      }
      if (whole && known !== columns.length) throw new Error(`a row of ${name} lacks columns`);
    },
    /** The text by which rows are the same row. @throws Error where a column of the key is missing, null, or not of its type */
    key: (row: Row): string => {
      let joined = '';
      for (const at of keyPlaces) {
        const column = columns[at] as string;
        const value = row[column];
        if (value === undefined || value === null) throw new Error(`a row of ${name} lacks its key column ${column}`);
        check(at, value);
        // PostgreSQL knows no case in a UUID.
        joined += `${ofAnyCase && types[at] === 'uuid' ? String(value).toLowerCase() : value}\u0000`;
      }
      return joined;
    },
  };
};
