import { randomUUID } from 'node:crypto';
import { type Append, InvalidAppend, type JsonObject, MAX_APPEND_BYTES, MAX_EVENTS } from '../port';
import { anAppend, aStream, facts, type Opened, upTo, versions } from './support';

/** An append with data that the types do not allow, as untyped code might pass it. */
const untyped = (data: unknown): Partial<Append> => ({ events: [{ type: 'ThingHappened', data: data as JsonObject }] });

const circular = (): unknown => {
  const data: { self?: unknown } = {};
  data.self = { again: [data] };
  return data;
};

const untypedAppend = (fields: { [key in keyof Append]?: unknown }): Partial<Append> => fields as Partial<Append>;

const invalid: [string, () => Partial<Append>][] = [
  ['no events', () => ({ events: [] })],
  ['more events than the limit', () => ({ events: facts(MAX_EVENTS + 1) })],
  ['more bytes than the limit', () => untyped({ text: 'x'.repeat(MAX_APPEND_BYTES) })],
  ['more bytes than the limit in 4-byte characters', () => untyped({ text: '🚀'.repeat(MAX_APPEND_BYTES / 4) })],
  ['an empty type', () => ({ events: facts(1, '') })],
  ['a type that the store reserves for itself', () => ({ events: facts(1, '$metadata') })],
  ['a type that is not a string', () => untypedAppend({ events: [{ type: 7, data: {} }] })],
  ['a BigInt', () => untyped({ n: 1n })],
  ['undefined as data', () => untyped(undefined)],
  ['undefined within data', () => untyped({ list: [{ a: undefined }] })],
  ['a list as data', () => untyped([1])],
  ['text as data', () => untyped('text')],
  ['null as data', () => untyped(null)],
  ['circular data', () => untyped(circular())],
  ['NaN', () => untyped({ n: Number.NaN })],
  ['a Date', () => untyped({ at: new Date() })],
  ['a function', () => untyped({ toJSON: () => 'x' })],
  ['a NUL character', () => untyped({ text: 'a\u0000b' })],
  ['half a surrogate pair', () => untyped({ text: 'a\ud800b' })],
  ['half a surrogate pair in a key', () => untyped({ '\udc00': 1 })],
  ['a command id that is not a UUID', () => ({ commandId: 'command-1' })],
  ['an upper-case command id', () => ({ commandId: randomUUID().toUpperCase() })],
  ['no command id', () => untypedAppend({ commandId: undefined })],
  ['a causation id that is not a UUID', () => ({ causationId: 'because' })],
  ['an access id that is not a UUID', () => ({ accessId: 'session-1' })],
  ['an empty correlation id', () => ({ correlationId: '' })],
  ['a correlation id that is too long', () => ({ correlationId: 'c'.repeat(129) })],
  ['a correlation id with invalid characters', () => ({ correlationId: 'a\nb' })],
  ['a stream id that is not a UUID', () => ({ stream: { ...aStream(), id: '1' } })],
  ['a tenant id that is not a UUID', () => ({ stream: aStream('acme') })],
  ['an aggregate that is not a word', () => ({ stream: aStream(randomUUID(), '$ce') })],
  ['an expected version below 0', () => ({ expected: -1 })],
  ['an expected version that is not an integer', () => ({ expected: 0.5 })],
  ['a user without an id', () => untypedAppend({ actor: { kind: 'user' } })],
  ['an operator without an id', () => untypedAppend({ actor: { kind: 'operator' } })],
  ['an actor of an unknown kind', () => untypedAppend({ actor: { kind: 'robot' } })],
];

export const refusing = (opened: Opened): void => {
  describe('an append that no log can store', () => {
    it.each(invalid)('is refused for %s; nothing is written, and later appends succeed', async (_, invalidPart) => {
      const { log } = opened();
      const append = anAppend();
      await expect(log.append({ ...append, ...invalidPart() })).rejects.toBeInstanceOf(InvalidAppend);
      expect(await log.readStream(append.stream)).toEqual([]);
      // A corrected append with the same command id is a first attempt.
      expect(await log.append(append)).toMatchObject({ version: 1, repeated: false });
    });

    it('does not fail other appends that are in flight', async () => {
      const { log } = opened();
      const valid = upTo(20).map(() => anAppend());
      const mixed = valid.flatMap((append) => [
        log.append(append).then(({ version }) => version),
        log.append({ ...anAppend(), ...untyped({ n: 1n }) }).catch((error: Error) => error.name),
      ]);
      expect(await Promise.all(mixed)).toEqual(valid.flatMap(() => [1, 'InvalidAppend']));
    });
  });

  describe('an append at the limits', () => {
    it('may hold the maximum number of events', async () => {
      const { log } = opened();
      const append = anAppend({ events: facts(MAX_EVENTS) });
      expect(await log.append(append)).toMatchObject({ version: MAX_EVENTS });
      expect(versions(await log.readStream(append.stream))).toEqual(upTo(MAX_EVENTS));
    });

    it('may hold the maximum number of bytes', async () => {
      const { log } = opened();
      const text = 'x'.repeat(MAX_APPEND_BYTES - '{"text":""}'.length);
      const append = anAppend(untyped({ text }));
      await log.append(append);
      expect((await log.readStream(append.stream))[0]?.data).toEqual({ text });
    });

    it('may hold the maximum number of events and bytes, with the longest names and metadata', async () => {
      const { log } = opened();
      const each = Math.floor(MAX_APPEND_BYTES / MAX_EVENTS) - '{"text":""}'.length;
      const type = `T${'y'.repeat(127)}`;
      const append = anAppend({
        events: upTo(MAX_EVENTS).map(() => ({ type, data: { text: 'x'.repeat(each) } })),
        actor: { kind: 'user', id: randomUUID() },
        correlationId: 'c'.repeat(128),
        causationId: randomUUID(),
      });
      expect(await log.append(append)).toMatchObject({ version: MAX_EVENTS });
    });
  });
};
