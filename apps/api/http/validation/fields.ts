import { applyDecorators } from '@nestjs/common';
import { Type } from 'class-transformer';
import { isEmail, ValidateNested } from 'class-validator';
import { type FieldOptions, field } from './field';
import { hasHidden, isBlank } from './hidden-characters';

interface Length {
  /**
   * Minimum number of characters (code points); 1 by default. With 1 or more, a text without a visible character is
   * refused.
   */
  readonly min?: number;
  /** Maximum number of characters (code points). */
  readonly max: number;
}

interface TextOptions {
  /** Several lines are allowed. */
  readonly lines?: boolean;
  readonly format?: 'password';
  /** Without the flags `g` and `y`. */
  readonly pattern?: RegExp;
  /** Error text for the pattern, such as `must be …`. */
  readonly patternMessage?: string;
}

const CONTROL = /\p{Cc}/u;
const CONTROL_BUT_LINES = /[^\P{Cc}\n\t]/u;

const lengthOf = (text: string): number => {
  let length = 0;
  for (const _ of text) length++;
  return length;
};

const range = (min: number, max: number): string => (min === max ? `${min}` : `${min} to ${max}`);

/**
 * A text that users write: Unicode without control characters, on one line or, with `lines`, on several. A text on one
 * line that is no password has no hidden characters.
 */
export const Text = (options: FieldOptions & Length & TextOptions): PropertyDecorator => {
  const { min = 1, max, lines = false, format, pattern } = options;
  const forbidden = lines ? CONTROL_BUT_LINES : CONTROL;
  const refusesHidden = !lines && format !== 'password';
  const test = (value: unknown): boolean => {
    if (typeof value !== 'string' || forbidden.test(value)) return false;
    if (refusesHidden && hasHidden(value)) return false;
    if ((min > 0 && isBlank(value)) || pattern?.test(value) === false) return false;
    // A code point has one or two code units, so the number of units decides for most texts.
    if (value.length >= 2 * min && value.length <= max) return true;
    const length = lengthOf(value);
    return length >= min && length <= max;
  };
  const form = lines ? '' : ' on one line';
  const length = `text of ${range(min, max)} characters${form}${refusesHidden ? ', without hidden characters' : ''}`;
  const message = options.patternMessage ? `${options.patternMessage}, ${length}` : `must be ${length}`;
  return field({ message, test }, options, {
    type: String,
    minLength: min,
    maxLength: max,
    ...(format && { format }),
    ...(pattern && { pattern: pattern.source }),
  });
};

/** A secret or a token that clients send back unchanged: printable ASCII without spaces. */
export const Opaque = (options: FieldOptions & { max: number }): PropertyDecorator => {
  const { max } = options;
  const test = (value: unknown): boolean =>
    typeof value === 'string' && value.length >= 1 && value.length <= max && /^[\x21-\x7e]+$/.test(value);
  const message = `must be text of 1 to ${max} printable ASCII characters`;
  return field({ message, test }, options, { type: String, minLength: 1, maxLength: max });
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);

/** A UUID, converted to lower case. */
export const Uuid = (options: FieldOptions = {}): PropertyDecorator =>
  field({ message: 'must be a UUID', test: isUuid, normalise: (it) => (isUuid(it) ? it.toLowerCase() : it) }, options, {
    type: String,
    format: 'uuid',
  });

/**
 * An e-mail address of at most 254 characters, without hidden or control characters, also not in quotes. Its case is
 * kept; `emailKey` decides which addresses are equal.
 */
export const Email = (options: FieldOptions = {}): PropertyDecorator => {
  const test = (value: unknown): boolean =>
    typeof value === 'string' && value.length <= 254 && !CONTROL.test(value) && !hasHidden(value) && isEmail(value);
  return field({ message: 'must be an e-mail address', test }, options, {
    type: String,
    format: 'email',
    maxLength: 254,
  });
};

/** A whole number from `min` to `max`. */
export const Integer = (options: FieldOptions & { min: number; max: number }): PropertyDecorator => {
  const { min, max } = options;
  const test = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
  const fromQuery = (text: string): unknown => (/^-?\d{1,15}$/.test(text) ? Number(text) : text);
  const message = `must be a whole number from ${min} to ${max}`;
  return field({ message, test, fromQuery }, options, { type: 'integer', minimum: min, maximum: max });
};

/** `true` or `false`. */
export const Flag = (options: FieldOptions = {}): PropertyDecorator => {
  const fromQuery = (text: string): unknown => (text === 'true' ? true : text === 'false' ? false : text);
  const test = (value: unknown): boolean => typeof value === 'boolean';
  return field({ message: 'must be true or false', test, fromQuery }, options, { type: Boolean });
};

/** One of the given values. */
export const Choice = (values: readonly string[], options: FieldOptions = {}): PropertyDecorator => {
  const test = (value: unknown): boolean => typeof value === 'string' && values.includes(value);
  return field({ message: `must be one of ${values.join(', ')}`, test }, options, { type: String, enum: [...values] });
};

const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;

/** True for a day of the calendar from year 1 on, because PostgreSQL has no year 0. */
const isDay = (year: number, month: number, day: number): boolean =>
  year >= 1 &&
  month >= 1 &&
  month <= 12 &&
  day >= 1 &&
  day <= new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();

const isTimestamp = (value: unknown): value is string => {
  const [, year, month, day] = (typeof value === 'string' && TIMESTAMP.exec(value)) || [];
  return isDay(Number(year), Number(month), Number(day));
};

/** An RFC 3339 time with an offset, converted to UTC with milliseconds. */
export const Timestamp = (options: FieldOptions = {}): PropertyDecorator =>
  field(
    {
      message: 'must be an RFC 3339 time such as 2026-01-31T12:00:00.000Z',
      test: isTimestamp,
      normalise: (it) => (isTimestamp(it) ? new Date(it).toISOString() : it),
    },
    options,
    { type: String, format: 'date-time' },
  );

/** A calendar day without a time zone, such as `2026-01-31`. */
export const Day = (options: FieldOptions = {}): PropertyDecorator => {
  const test = (value: unknown): boolean => {
    const [, year, month, day] = (typeof value === 'string' && /^(\d{4})-(\d\d)-(\d\d)$/.exec(value)) || [];
    return isDay(Number(year), Number(month), Number(day));
  };
  return field({ message: 'must be a date such as 2026-01-31', test }, options, { type: String, format: 'date' });
};

/**
 * An absolute http or https URL without a user name or password. It has at most 2,048 characters, also after the
 * characters outside ASCII are written as %XX.
 */
export const WebUrl = (options: FieldOptions = {}): PropertyDecorator => {
  const test = (value: unknown): boolean => {
    if (typeof value !== 'string' || value.length > 2048 || !/^https?:\/\/[^\s\\]+$/i.test(value)) return false;
    if (!URL.canParse(value)) return false;
    const { href, username, password } = new URL(value);
    return href.length <= 2048 && username === '' && password === '';
  };
  return field({ message: 'must be an http or https URL of at most 2048 characters', test }, options, {
    type: String,
    format: 'uri',
    maxLength: 2048,
  });
};

type Class = new () => object;
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object with the fields of a class. */
export const Nested = (type: () => Class, options: FieldOptions = {}): PropertyDecorator =>
  applyDecorators(
    Type(type),
    ValidateNested(),
    field({ message: 'must be an object', test: isObject }, options, { type }),
  );

/**
 * A list of objects with the fields of a class.
 * @param options `min` (0 by default) and `max` are the bounds for the number of objects
 */
export const NestedList = (
  type: () => Class,
  options: FieldOptions & { min?: number; max: number },
): PropertyDecorator => {
  const { min = 0, max } = options;
  const test = (value: unknown): boolean =>
    Array.isArray(value) && value.length >= min && value.length <= max && value.every(isObject);
  return applyDecorators(
    Type(type),
    ValidateNested({ each: true }),
    field({ message: `must be a list of ${range(min, max)} objects`, test }, options, {
      type: () => [type()],
      minItems: min,
      maxItems: max,
    }),
  );
};
