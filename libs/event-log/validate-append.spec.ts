import fc from 'fast-check';
import { type Append, InvalidAppend, type JsonObject } from './port';
import { MAX_DEPTH, validateAppend } from './validate-append';

const appendOf = (...data: unknown[]): Append => ({
  stream: { tenantId: null, aggregate: 'user', id: '00000000-0000-0000-0000-000000000001' },
  expected: 0,
  events: data.map((each) => ({ type: 'Happened', data: each as JsonObject })),
  commandId: '00000000-0000-0000-0000-000000000002',
  actor: { kind: 'system' },
  correlationId: 'test',
});

const nested = (levels: number): JsonObject => {
  let data: JsonObject = {};
  for (let level = 1; level < levels; level++) data = { data };
  return data;
};

describe('validateAppend', () => {
  it('returns the JSON of each event in order, and the total number of bytes', () => {
    const { json, bytes } = validateAppend(appendOf({ a: 'ä' }, {}));
    expect(json).toEqual(['{"a":"ä"}', '{}']);
    expect(bytes).toBe(12);
  });

  it('accepts every value of JSON and does not change it', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((some) => !some.includes('\0'));
    const value = fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 5 });
    fc.assert(
      fc.property(fc.dictionary(text, value), (data) => {
        fc.pre(!JSON.stringify(data).includes('\\u0000'));
        expect(JSON.parse(validateAppend(appendOf(data)).json[0] as string)).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    );
  });

  it.each(['\\u0000', '\\\\u0000', '\\ud800', 'C:\\u0000\\', '\u0001', '\u007f', '𝄞', '\\'])(
    'accepts %j, which only resembles text that cannot be stored',
    (text) => {
      expect(JSON.parse(validateAppend(appendOf({ text })).json[0] as string)).toEqual({ text });
    },
  );

  it.each(['\0', '\\\0', '\\\\\0', 'a\ud800', '\udfff𝄞', '\\\ud834'])('refuses %j', (text) => {
    expect(() => validateAppend(appendOf({ text }))).toThrow(InvalidAppend);
  });

  it('accepts an object of another realm and an object without a prototype', () => {
    expect(validateAppend(appendOf(Object.assign(Object.create(null), { a: 1 }))).json).toEqual(['{"a":1}']);
    expect(validateAppend(appendOf(structuredClone({ a: { b: [1] } }))).json).toEqual(['{"a":{"b":[1]}}']);
  });

  it.each([
    ['a Map', new Map()],
    ['a class', new (class Money {})()],
    ['a symbol', Symbol('a')],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['a hole in a list', new Array(1)],
  ])('refuses %s', (_, value) => {
    expect(() => validateAppend(appendOf({ value }))).toThrow(InvalidAppend);
  });

  it('refuses data that is nested too deeply', () => {
    expect(validateAppend(appendOf(nested(MAX_DEPTH))).json).toHaveLength(1);
    expect(() => validateAppend(appendOf(nested(MAX_DEPTH + 1)))).toThrow(/nested deeper than 64/);
    expect(() => validateAppend(appendOf(nested(100_000)))).toThrow(InvalidAppend);
  });

  it('refuses an append that cannot be read, such as one with a getter that throws', () => {
    const data = {
      get a(): string {
        throw new Error('secret');
      },
    };
    expect(() => validateAppend(appendOf(data))).toThrow(InvalidAppend);
    expect(() => validateAppend(undefined as unknown as Append)).toThrow(InvalidAppend);
  });

  it('says what is wrong, and never quotes the data', () => {
    const attempt = (): unknown => validateAppend(appendOf({ password: 'hunter2\0' }));
    expect(attempt).not.toThrow(/hunter2|password/);
  });
});
