import type { ColumnType, Row, Table } from './tables';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_OF_ANY_CASE = new RegExp(UUID, 'i');
/**
 * RFC 3339. PostgreSQL also accepts words such as `now` and `infinity`, whose meaning depends on the time or on the
 * reader.
 */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
/** The limit of a `bigint` of PostgreSQL, exclusive. */
const BIGINT_LIMIT = 2n ** 63n;

/** Types in which equal values have equal texts, so that two keys with the same text are the key of one row. */
const KEY_TYPES: ReadonlySet<ColumnType> = new Set(['uuid', 'text', 'integer', 'bigint', 'boolean', 'date']);

/** @throws Error a column of the key has a type in which equal values may have different texts */
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
 * PostgreSQL refuses NUL, and the driver would send another character instead of half a surrogate pair. `indexOf` is
 * much faster than the alternatives, and this runs for each text of each event.
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

const isBigint = (value: unknown): boolean =>
  typeof value === 'bigint' ? value >= -BIGINT_LIMIT && value < BIGINT_LIMIT : Number.isSafeInteger(value);

/** True if a value has the type of a column, so that it has a text which means the same in the database. */
const isOfType = (type: ColumnType, value: unknown): boolean => {
  switch (type) {
    case 'uuid':
      return typeof value === 'string' && UUID_OF_ANY_CASE.test(value);
    case 'text':
      return isText(value);
    case 'integer':
      return typeof value === 'number' && (value | 0) === value;
    case 'bigint':
      return isBigint(value);
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

/** A description of a value for operators. It does not contain the value, which may be a secret of a tenant. */
const kindOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'string' ? `a text of ${value.length} characters` : `a value of type ${typeof value}`;
};

/**
 * The checks of the rows of a table; each is one loop. Null passes for every type, because the database checks whether
 * a column accepts it. Errors name the column and its type, and describe the value without showing it.
 * @throws Error a column of the key has a type that cannot be part of a key
 */
export const createChecks = (name: string, table: Pick<Table, 'key' | 'columns'>) => {
  requireKeyTypes(name, table);
  const columns = Object.keys(table.columns);
  const types = Object.values(table.columns);
  const indexes = new Map(columns.map((column, at) => [column, at]));
  const keyIndexes = table.key.map((column) => indexes.get(column) as number);
  /** The last valid text of each column: ids of tenants, dates and times are often repeated in successive rows. */
  const lastValid: (string | null)[] = columns.map(() => null);
  /**
   * True after the first UUID with capitals. From then on UUIDs in keys are converted to lower case; all earlier UUIDs
   * were lower-case already.
   */
  let hasUpperCaseUuid = false;

  const check = (at: number, value: unknown): void => {
    if (value === null || value === lastValid[at]) return;
    const type = types[at] as ColumnType;
    if (type === 'uuid' && typeof value === 'string' && UUID.test(value)) {
      lastValid[at] = value;
      return;
    }
    if (!isOfType(type, value))
      throw new Error(
        `${name}.${columns[at]} has type ${type} and cannot store ${kindOf(value)}; correct the handler of the event`,
      );
    if (type === 'uuid') hasUpperCaseUuid = true;
    else if (type !== 'text' && typeof value === 'string') lastValid[at] = value;
  };

  return {
    /**
     * Checks the columns of a row, or of a patch.
     * @param isComplete requires all columns of the table
     * @throws Error a column is unknown, missing or undefined, or its value does not have its type
     */
    columns: (row: Row, isComplete = false): void => {
      let known = 0;
      for (const column in row) {
        // The handlers that write complete rows name the columns in the order of the table.
        const at = columns[known] === column ? known : indexes.get(column);
        if (at === undefined) throw new Error(`${name} has no column ${column}`);
        const value = row[column];
        if (value === undefined) throw new Error(`${name}.${column} is undefined`);
        check(at, value);
        known++;
      }
      if (isComplete && known !== columns.length) throw new Error(`a row of ${name} lacks columns`);
    },
    /**
     * The key of a row as text.
     * @throws Error a column of the key is missing or null, or its value does not have its type
     */
    key: (row: Row): string => {
      let joined = '';
      for (const at of keyIndexes) {
        const column = columns[at] as string;
        const value = row[column];
        if (value === undefined || value === null) throw new Error(`a row of ${name} lacks its key column ${column}`);
        check(at, value);
        // PostgreSQL ignores the case of a UUID.
        joined += `${hasUpperCaseUuid && types[at] === 'uuid' ? String(value).toLowerCase() : value}\u0000`;
      }
      return joined;
    },
  };
};
