import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { ValidateBy, type ValidationArguments } from 'class-validator';

export interface FieldOptions {
  /** May be left out. Null is not left out. */
  readonly optional?: boolean;
  /** May be null: of a PATCH, to empty it. */
  readonly nullable?: boolean;
  readonly description?: string;
  readonly example?: unknown;
}

/** What the values of a field are. */
export interface Rule {
  /** The end of a sentence that begins with the field's name: `must be …`. */
  readonly message: string;
  readonly test: (value: unknown) => boolean;
  /** Makes the value of a query's text; left as it is where the text holds none, for `test` to refuse. */
  readonly fromQuery?: (text: string) => unknown;
  /** The one way to write a value that can be written in several. */
  readonly normalise?: (value: unknown) => unknown;
}

const rules = new WeakMap<object, Map<string, Rule>>();

/** The rules of a class' fields that change a value before it is tested, its parents' included. */
export const convertingRules = (prototype: object): ReadonlyMap<string, Rule> => {
  const found = new Map<string, Rule>();
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    for (const [name, rule] of rules.get(at) ?? []) if (!found.has(name)) found.set(name, rule);
  }
  return found;
};

/** One decorator a field: how it is validated and what the OpenAPI document says of it can't drift apart. */
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
