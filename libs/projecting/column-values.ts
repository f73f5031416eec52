import type { ColumnType, Value } from './tables';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_OF_ANY_CASE = new RegExp(UUID, 'i');
/** RFC 3339: the words that PostgreSQL takes too (`now`, `infinity`) mean something else each time, or to each reader. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
const LARGEST = 2n ** 63n;

/** PostgreSQL refuses NUL, and would be sent another character for half of a surrogate pair. */
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.isWellFormed() && !value.includes('\0');

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
const IS_OF_TYPE: { readonly [type in ColumnType]: (value: unknown) => boolean } = {
  uuid: (value) => typeof value === 'string' && (UUID.test(value) || UUID_OF_ANY_CASE.test(value)),
  text: isText,
  integer: (value) => typeof value === 'number' && (value | 0) === value,
  bigint: isLarge,
  boolean: (value) => typeof value === 'boolean',
  timestamptz: (value) => typeof value === 'string' && TIMESTAMP.test(value),
  date: (value) => typeof value === 'string' && DATE.test(value),
  jsonb: isJson,
};

/** What an operator is shown of a value: its kind alone, because the value itself may be a tenant's secret. */
const kindOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'string' ? `a text of ${value.length} characters` : `a value of type ${typeof value}`;
};

/** Throws where a value, which may be null, is not of its column's type. */
type Check = (value: unknown) => void;

/**
 * A check for each column. Null is of every type; whether the column takes it is the database's to say. The checks throw
 * an Error that names the column and its type, and of the value no more than its kind.
 */
export const createChecks = (
  table: string,
  columns: Readonly<Record<string, ColumnType>>,
): Readonly<Record<string, Check>> => {
  // Without a prototype: no column is called as what every object has.
  const checks: Record<string, Check> = Object.create(null);
  for (const [column, type] of Object.entries(columns)) {
    const isOfType = IS_OF_TYPE[type];
    checks[column] = (value) => {
      if (value !== null && !isOfType(value))
        throw new Error(`${table}.${column} takes ${type} and was given ${kindOf(value)}; correct the event's handler`);
    };
  }
  return checks;
};

/** Types whose values have one text each, so that two keys are the same row where their texts are the same. */
const KEY_TYPES: ReadonlySet<ColumnType> = new Set(['uuid', 'text', 'integer', 'bigint', 'boolean', 'date']);

/** @throws Error where a column of the key has a type whose equal values may differ in their text */
export const requireKeyTypes = (
  table: string,
  { key, columns }: { readonly key: readonly string[]; readonly columns: Readonly<Record<string, ColumnType>> },
): void => {
  for (const column of key) {
    const type = columns[column];
    if (!type || !KEY_TYPES.has(type)) throw new Error(`${table}.${column} of type ${type} can not be part of a key`);
  }
};

/** The text by which a key's value is compared: PostgreSQL knows no case in a UUID. */
export const keyText = (type: ColumnType | undefined, value: Value): string =>
  type === 'uuid' ? (value as string).toLowerCase() : String(value);
