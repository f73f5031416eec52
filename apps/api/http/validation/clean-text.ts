import type { FieldError } from '#platform/problems';

/** PostgreSQL can't store it. */
const NUL = '\u0000';
/** No characters. */
const HALF = /\p{Surrogate}/u;
/** Names that every object knows already, so that a copy or a look-up takes them for something else; no field has one. */
const RESERVED = new Set([...Object.getOwnPropertyNames(Object.prototype), 'prototype']);
/** Nothing to look at more closely: most texts. */
const PLAIN = /^[ -~]*$/;

/**
 * The value with each text, at any depth, in Unicode's composed form, so that what looks the same is the same. Objects
 * are changed in place: they were parsed for this request alone.
 * @param errors takes what no store could hold
 */
export const cleanText = (value: unknown, pointer: string, errors: FieldError[]): unknown => {
  if (typeof value === 'string') {
    if (PLAIN.test(value)) return value;
    if (!value.includes(NUL) && !HALF.test(value)) return value.normalize('NFC');
    errors.push({ pointer, message: 'must not contain U+0000 or half of a surrogate pair' });
    return value;
  }
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) value[at] = cleanText(item, `${pointer}/${at}`, errors);
    return value;
  }
  const record = value as Record<string, unknown>;
  for (const name of Object.keys(record)) {
    const inner = record[name];
    if (RESERVED.has(name)) errors.push({ pointer: `${pointer}/${name}`, message: 'is not known here' });
    else if (typeof inner === 'string' ? !PLAIN.test(inner) : typeof inner === 'object') {
      record[name] = cleanText(inner, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, errors);
    }
  }
  return value;
};
