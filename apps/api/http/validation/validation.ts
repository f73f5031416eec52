import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { type ValidationError, type ValidatorOptions, validateSync } from 'class-validator';
import { type FieldError, Problem } from '#platform/problems';
import { cleanText } from './clean-text';
import { convertingRules, type Rule } from './field';

const mayBeAbsent = new WeakSet<object>();
/** Marks the DTO of a body that may be left out: it is as an empty one. */
export const MayBeAbsent = (): ClassDecorator => (target) => {
  mayBeAbsent.add(target);
};

/** A request with more mistakes than this is not told all of them. */
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
 * Makes DTOs of what a client sent and refuses what they do not describe, each mistake with its JSON Pointer. Nothing
 * is converted but a query's text into what its field says, and text into Unicode's composed form (NFC).
 */
export const createValidationPipe = (): PipeTransform => {
  const rulesOf = new Map<Class, ReadonlyMap<string, Rule>>();
  return {
    transform: (value: unknown, { type, metatype, data }: ArgumentMetadata): unknown => {
      const prefix = PREFIX[type];
      if (prefix === undefined) return value;
      const errors: FieldError[] = [];
      const given = value === undefined && isDto(metatype) && mayBeAbsent.has(metatype) ? {} : value;
      const clean = cleanText(given, data === undefined ? prefix : `${prefix}/${data}`, errors);
      if (errors.length > 0) throw invalid(errors);
      if (!isDto(metatype)) return clean;
      if (!isRecord(clean)) throw invalid([{ pointer: prefix, message: noObject(clean) }]);

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

/** What TypeScript's metadata names where the parameter has no class of its own. */
const NO_DTO = new Set<unknown>([undefined, Object, String, Number, Boolean, Array, Buffer]);
const isDto = (metatype: unknown): metatype is Class => !NO_DTO.has(metatype);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const noObject = (value: unknown): string => (value === undefined ? 'is required' : 'must be an object');

const convert = (record: Record<string, unknown>, rules: ReadonlyMap<string, Rule>, fromQuery: boolean): void => {
  for (const [name, rule] of rules) {
    let value = record[name];
    if (value === undefined) continue;
    if (fromQuery && typeof value === 'string' && rule.fromQuery) value = rule.fromQuery(value);
    record[name] = rule.normalise ? rule.normalise(value) : value;
  }
};

/** A name as a part of a JSON Pointer. */
export const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

const collect = (found: readonly ValidationError[], prefix: string, errors: FieldError[]): void => {
  for (const { property, constraints, children } of found) {
    if (errors.length >= MAX_ERRORS) return;
    const pointer = `${prefix}/${escaped(property)}`;
    const message = constraints && messageOf(constraints);
    if (message !== undefined) errors.push({ pointer, message });
    // Of something that is no object at all, the parts need no telling.
    else if (children) collect(children, pointer, errors);
  }
};

const messageOf = ({ whitelistValidation, field, nestedValidation, ...others }: Record<string, string>): string => {
  if (whitelistValidation !== undefined) return 'is not known here';
  return field ?? Object.values(others)[0] ?? nestedValidation ?? 'is not valid';
};

/** One problem for all mistakes; its detail describes the first one. */
export const invalid = (errors: readonly FieldError[]): Problem => {
  const [first] = errors;
  const more = errors.length > 1 ? `, and ${errors.length - 1} more` : '';
  const detail = `${first?.pointer || 'The body'} ${first?.message}${more}.`;
  return new Problem('validation-failed', { detail, errors: errors.slice(0, MAX_ERRORS) });
};
