/**
 * Arrays as literals of PostgreSQL, for `unnest`: with one parameter for each column, a statement receives any number
 * of rows.
 */

/**
 * An array of values without characters of the literal's syntax: ids, numbers, booleans, checked words. Null stays
 * null.
 */
export const plainArray = (values: readonly (string | number | bigint | boolean | null)[]): string =>
  `{${values.map((value) => value ?? 'NULL').join(',')}}`;

/** An array of any texts. Null stays null. */
export const textArray = (values: readonly (string | null)[]): string =>
  `{${values.map((value) => (value === null ? 'NULL' : `"${value.replace(/[\\"]/g, '\\$&')}"`)).join(',')}}`;

const NEEDS_ESCAPE = /[\\"]/;
const quoted = (text: string): string =>
  NEEDS_ESCAPE.test(text) ? `"${text.replace(/[\\"]/g, '\\$&')}"` : `"${text}"`;

/** An array of values of any scalar type. Every text is quoted, so that it is exactly one element. Null stays null. */
export const scalarArray = (values: readonly (string | number | bigint | boolean | null)[]): string =>
  `{${values.map((value) => (typeof value === 'string' ? quoted(value) : (value ?? 'NULL'))).join(',')}}`;
