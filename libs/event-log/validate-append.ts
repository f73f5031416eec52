import { type Append, InvalidAppend, type JsonValue, MAX_APPEND_BYTES, MAX_EVENTS } from './port';
import { aggregatePattern, uuidPattern } from './stream-id';

/** An append that every store can take, with each event's data serialised once. */
export type ValidAppend = {
  readonly append: Append;
  /** The data of each event as JSON text, in the order of `append.events`. */
  readonly json: string[];
  /** Bytes of all of `json` in UTF-8. */
  readonly bytes: number;
};

/** Levels of nesting in one event's data. Also what ends the walk through circular data. */
export const MAX_DEPTH = 64;

const typePattern = /^[A-Za-z][A-Za-z0-9_.:-]{0,127}$/;
const correlationPattern = /^[A-Za-z0-9._:-]{1,128}$/;
/** NUL and lone surrogates as JSON.stringify writes them: PostgreSQL's jsonb refuses both. */
const unstorableEscape = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

const refuse = (reason: string): never => {
  throw new InvalidAppend(reason);
};

/**
 * Says that the value would be read back as it was written. JSON.stringify alone would drop `undefined`, turn NaN into
 * null and call toJSON, all silently.
 */
const requireJson = (value: unknown, depth: number): void => {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) refuse('data holds a number that JSON cannot express');
      return;
    case 'object':
      break;
    default:
      refuse(`data holds a ${typeof value}`);
  }
  if (value === null) return;
  if (depth > MAX_DEPTH) refuse(`data is circular or nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) requireJson(value[i], depth + 1);
    return;
  }
  requirePlain(value as object);
  for (const key in value as object) requireJson((value as { [key: string]: JsonValue })[key], depth + 1);
};

/** By the length of the prototype chain and not by identity, so that objects of another realm pass. */
const requirePlain = (value: object): void => {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    refuse('data holds something that is no plain object');
};

const serialise = (data: unknown): string => {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) refuse('data is no object');
  requireJson(data, 1);
  const json = JSON.stringify(data);
  if (json.includes('\\u') && unstorableEscape.test(json))
    refuse('data holds a NUL character or half of a surrogate pair');
  return json;
};

const validActor = (actor: Append['actor']): boolean => {
  switch (actor?.kind) {
    case 'user':
      return uuidPattern.test(actor.id);
    case 'operator':
    case 'stripe':
    case 'system':
      return true;
    default:
      return false;
  }
};

const requireEnvelope = (append: Append): void => {
  const { stream, expected, expectedCommandId, commandId, actor, correlationId, causationId } = append;
  if (!aggregatePattern.test(stream.aggregate)) refuse('the aggregate is no lower-case word');
  if (!uuidPattern.test(stream.id)) refuse('the stream id is no lower-case UUID');
  if (stream.tenantId !== null && !uuidPattern.test(stream.tenantId)) refuse('the tenant id is no lower-case UUID');
  if (expected !== 'any' && !(Number.isSafeInteger(expected) && expected >= 0))
    refuse('the expected version is no count');
  if (expectedCommandId !== undefined && !uuidPattern.test(expectedCommandId))
    refuse('the command id of the expected event is no lower-case UUID');
  if (!uuidPattern.test(commandId)) refuse('the command id is no lower-case UUID');
  if (!validActor(actor)) refuse('the actor is of no known kind, or a user without an id');
  if (typeof correlationId !== 'string' || !correlationPattern.test(correlationId))
    refuse('the correlation id is malformed');
  if (causationId !== undefined && !uuidPattern.test(causationId)) refuse('the causation id is no lower-case UUID');
};

/**
 * Checks everything that no store could take or would change silently, and serialises the data. Each store calls it
 * before its first I/O, so that a refusal never depends on the store.
 * @throws InvalidAppend naming what is wrong, never the data itself
 */
export const validateAppend = (append: Append): ValidAppend => {
  try {
    requireEnvelope(append);
    const { events } = append;
    if (!Array.isArray(events) || events.length === 0) refuse('an append needs at least one event');
    if (events.length > MAX_EVENTS) refuse(`an append holds ${MAX_EVENTS} events at most`);
    const json: string[] = [];
    let bytes = 0;
    for (const { type, data } of events) {
      if (typeof type !== 'string' || !typePattern.test(type)) refuse('the event type is malformed');
      const text = serialise(data);
      bytes += Buffer.byteLength(text);
      json.push(text);
    }
    if (bytes > MAX_APPEND_BYTES) refuse(`an append holds ${MAX_APPEND_BYTES} bytes of data at most`);
    return { append, json, bytes };
  } catch (error) {
    if (error instanceof InvalidAppend) throw error;
    // A getter that throws, a missing stream: whatever it is, it is the append's fault.
    throw new InvalidAppend('the append cannot be read', { cause: error });
  }
};
