/** Array parameters as PostgreSQL's text literals: one parameter a column carries any number of rows (`unnest`). */

/** For values that hold no character of the literal's syntax: ids, numbers, booleans, checked words. Null stays null. */
export const plainArray = (values: readonly (string | number | bigint | boolean | null)[]): string =>
  `{${values.map((value) => value ?? 'NULL').join(',')}}`;

/** For any text. */
export const textArray = (values: readonly (string | null)[]): string =>
  `{${values.map((value) => (value === null ? 'NULL' : `"${value.replace(/[\\"]/g, '\\$&')}"`)).join(',')}}`;

const NEEDS_ESCAPE = /[\\"]/;
const quoted = (text: string): string =>
  NEEDS_ESCAPE.test(text) ? `"${text.replace(/[\\"]/g, '\\$&')}"` : `"${text}"`;

/** For values of any scalar type: texts are quoted whatever they hold, so that none of them is more than one element. */
export const scalarArray = (values: readonly (string | number | bigint | boolean | null)[]): string =>
  `{${values.map((value) => (typeof value === 'string' ? quoted(value) : (value ?? 'NULL'))).join(',')}}`;
