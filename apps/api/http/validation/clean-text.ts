import type { FieldError } from '#platform/problems';

/** PostgreSQL cannot store it in a text. */
const NUL = '\u0000';
/** Half of a surrogate pair, which is no character. */
const LONE_SURROGATE = /\p{Surrogate}/u;
/**
 * Names that every object inherits. No field has such a name, and copying or looking it up could give a wrong value.
 */
const RESERVED = new Set([...Object.getOwnPropertyNames(Object.prototype), 'prototype']);
/** Printable ASCII, which needs no further check. Most texts are of this kind. */
const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * Returns the value with each text at any depth in Unicode's composed form (NFC), so that texts that look equal are
 * equal. Changes objects in place, because they were parsed for this request only.
 * @param pointer JSON Pointer of the value
 * @param errors receives an error for each text that PostgreSQL cannot store and each reserved field name
 */
export const cleanText = (value: unknown, pointer: string, errors: FieldError[]): unknown => {
  if (typeof value === 'string') {
    if (PRINTABLE_ASCII.test(value)) return value;
    if (!value.includes(NUL) && !LONE_SURROGATE.test(value)) return value.normalize('NFC');
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
    if (RESERVED.has(name)) errors.push({ pointer: `${pointer}/${name}`, message: 'is not a known field; remove it' });
    else if (typeof inner === 'string' ? !PRINTABLE_ASCII.test(inner) : typeof inner === 'object') {
      record[name] = cleanText(inner, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, errors);
    }
  }
  return value;
};
