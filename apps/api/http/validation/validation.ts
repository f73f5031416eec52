import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { type ValidationError, type ValidatorOptions, validateSync } from 'class-validator';
import { type FieldError, Problem } from '#platform/problems';
import { cleanText } from './clean-text';
import { convertingRules, type Rule } from './field';

const mayBeAbsent = new WeakSet<object>();
/** Marks the DTO of an optional body. A missing body is treated as an empty object. */
export const MayBeAbsent = (): ClassDecorator => (target) => {
  mayBeAbsent.add(target);
};

/** Maximum number of errors in one problem document. */
const MAX_ERRORS = 100;

const OPTIONS: ValidatorOptions = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  validationError: { target: false, value: true },
};

const PREFIX: Readonly<Partial<Record<ArgumentMetadata['type'], string>>> = {
  body: '',
  query: '/query',
  param: '/path',
};

/**
 * Creates the pipe that validates bodies, queries and path parameters by their DTOs and converts them to DTOs. It
 * converts values only as the rule of a field says, such as the text of a query to a number, and texts to Unicode's
 * composed form (NFC). The pipe throws the problem `validation-failed` with the JSON Pointer of each wrong or unknown
 * field.
 */
export const createValidationPipe = (): PipeTransform => {
  const rulesOf = new Map<Class, ReadonlyMap<string, Rule>>();
  return {
    transform: (value: unknown, { type, metatype, data }: ArgumentMetadata): unknown => {
      const prefix = PREFIX[type];
      if (prefix === undefined) return value;
      const errors: FieldError[] = [];
      const sent = value === undefined && isDto(metatype) && mayBeAbsent.has(metatype) ? {} : value;
      const clean = cleanText(sent, data === undefined ? prefix : `${prefix}/${data}`, errors);
      if (errors.length > 0) throw invalid(errors);
      if (!isDto(metatype)) return clean;
      if (!isRecord(clean)) throw invalid([{ pointer: prefix, message: objectMessage(clean) }]);

      const rules = rulesOf.get(metatype) ?? convertingRules(metatype.prototype);
      rulesOf.set(metatype, rules);
      if (rules.size > 0) convert(clean, rules, type === 'query');
      const dto = plainToInstance(metatype, clean) as object;
      collect(validateSync(dto, OPTIONS), prefix, errors);
      if (errors.length > 0) throw invalid(errors);
      return dto;
    },
  };
};

type Class = new () => object;

/** Types in TypeScript's metadata of a parameter that is not a DTO. */
const NOT_A_DTO = new Set<unknown>([undefined, Object, String, Number, Boolean, Array, Buffer]);
const isDto = (metatype: unknown): metatype is Class => !NOT_A_DTO.has(metatype);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const objectMessage = (value: unknown): string => (value === undefined ? 'is required' : 'must be an object');

const convert = (record: Record<string, unknown>, rules: ReadonlyMap<string, Rule>, fromQuery: boolean): void => {
  for (const [name, rule] of rules) {
    let value = record[name];
    if (value === undefined) continue;
    if (fromQuery && typeof value === 'string' && rule.fromQuery) value = rule.fromQuery(value);
    record[name] = rule.normalise ? rule.normalise(value) : value;
  }
};

/** Escapes a name for a JSON Pointer (RFC 6901). */
export const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

const collect = (invalidFields: readonly ValidationError[], prefix: string, errors: FieldError[]): void => {
  for (const { property, constraints, children } of invalidFields) {
    if (errors.length >= MAX_ERRORS) return;
    const pointer = `${prefix}/${escapePointer(property)}`;
    const message = constraints && messageOf(constraints);
    if (message !== undefined) errors.push({ pointer, message });
    // If the field itself is wrong, such as a text instead of an object, errors of its parts are not reported.
    else if (children) collect(children, pointer, errors);
  }
};

const messageOf = ({ whitelistValidation, field, nestedValidation, ...others }: Record<string, string>): string => {
  if (whitelistValidation !== undefined) return 'is not a known field; remove it';
  return field ?? Object.values(others)[0] ?? nestedValidation ?? 'is not valid';
};

/** The problem `validation-failed` for all errors, at most 100. Its detail describes the first one. */
export const invalid = (errors: readonly FieldError[]): Problem => {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const detail = `${first?.pointer || 'The body'} ${first?.message}${more}.`;
  return new Problem('validation-failed', { detail, errors: errors.slice(0, MAX_ERRORS) });
};
