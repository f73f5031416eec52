import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { ValidateBy, type ValidationArguments } from 'class-validator';

export interface FieldOptions {
  /** The field may be missing. `null` does not count as missing. */
  readonly optional?: boolean;
  /** The field may be null; in a PATCH, null empties it. */
  readonly nullable?: boolean;
  /** Meaning of the field in the OpenAPI document, for a reader who does not know the product. */
  readonly description?: string;
  readonly example?: unknown;
}

/** Which values a field accepts. */
export interface Rule {
  /** Error text: the end of a sentence that begins with the field's name, such as `must be …`. */
  readonly message: string;
  readonly test: (value: unknown) => boolean;
  /**
   * Converts the text of a query parameter. A text that cannot be converted is returned unchanged, and `test` refuses
   * it.
   */
  readonly fromQuery?: (text: string) => unknown;
  /** Converts a value that can be written in several ways to one form. */
  readonly normalise?: (value: unknown) => unknown;
}

const rules = new WeakMap<object, Map<string, Rule>>();

/** The rules of a class and its parents that convert a value before it is tested, by field name. */
export const convertingRules = (prototype: object): ReadonlyMap<string, Rule> => {
  const inherited = new Map<string, Rule>();
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    for (const [name, rule] of rules.get(at) ?? []) if (!inherited.has(name)) inherited.set(name, rule);
  }
  return inherited;
};

/**
 * Declares a field with one decorator, so that its validation and its description in the OpenAPI document always agree.
 * @param api the schema of the field in the OpenAPI document
 */
export const field = (rule: Rule, options: FieldOptions, api: ApiPropertyOptions): PropertyDecorator => {
  const { optional = false, nullable = false, description, example } = options;
  const validate = (value: unknown): boolean =>
    value === undefined ? optional : value === null ? nullable : rule.test(value);
  const defaultMessage = (args?: ValidationArguments): string =>
    args?.value === undefined ? 'is required' : rule.message;
  const documented = {
    ...api,
    required: !optional,
    ...(nullable && { nullable }),
    ...(description !== undefined && { description }),
    ...(example !== undefined && { example }),
  } as ApiPropertyOptions;
  return applyDecorators(
    ValidateBy({ name: 'field', validator: { validate, defaultMessage } }),
    ApiProperty(documented),
    (target: object, name: string | symbol) => {
      if (!rule.fromQuery && !rule.normalise) return;
      const own = rules.get(target) ?? new Map<string, Rule>();
      own.set(String(name), rule);
      rules.set(target, own);
    },
  );
};
