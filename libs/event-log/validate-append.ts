import { type Append, InvalidAppend, type JsonValue, MAX_APPEND_BYTES, MAX_EVENTS } from './port';
import { aggregatePattern, uuidPattern } from './stream-id';

/** An append that every store can accept, with the data of each event serialised once. */
export type ValidAppend = {
  readonly append: Append;
  /** The data of each event as JSON text, in the order of `append.events`. */
  readonly json: string[];
  /** The number of bytes of all texts in `json`, in UTF-8. */
  readonly bytes: number;
};

/** The greatest depth of nesting in the data of one event. This limit also ends the walk through circular data. */
export const MAX_DEPTH = 64;

const typePattern = /^[A-Za-z][A-Za-z0-9_.:-]{0,127}$/;
const correlationPattern = /^[A-Za-z0-9._:-]{1,128}$/;
/** NUL and lone surrogates, as JSON.stringify escapes them: PostgreSQL's jsonb refuses both. */
const unstorableEscape = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

const refuse = (reason: string): never => {
  throw new InvalidAppend(reason);
};

/**
 * Requires that the value is read back as it was written. JSON.stringify alone would silently drop `undefined`, turn
 * NaN into null and call toJSON.
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

/** Checks the length of the prototype chain and not the prototype's identity, so that objects of another realm pass. */
const requirePlain = (value: object): void => {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    refuse('data holds an object that is not a plain object');
};

const serialise = (data: unknown): string => {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) refuse('data is not an object');
  requireJson(data, 1);
  const json = JSON.stringify(data);
  if (json.includes('\\u') && unstorableEscape.test(json))
    refuse('data holds a NUL character or half of a surrogate pair');
  return json;
};

const validActor = (actor: Append['actor']): boolean => {
  switch (actor?.kind) {
    case 'user':
    case 'operator':
      return uuidPattern.test(actor.id);
    case 'stripe':
    case 'system':
      return true;
    default:
      return false;
  }
};

const requireEnvelope = (append: Append): void => {
  const { stream, expected, expectedCommandId, commandId, actor, correlationId, causationId, accessId } = append;
  if (!aggregatePattern.test(stream.aggregate)) refuse('the aggregate is not a lower-case word');
  if (!uuidPattern.test(stream.id)) refuse('the stream id is not a lower-case UUID');
  if (stream.tenantId !== null && !uuidPattern.test(stream.tenantId)) refuse('the tenant id is not a lower-case UUID');
  if (expected !== 'any' && !(Number.isSafeInteger(expected) && expected >= 0))
    refuse('the expected version is not an integer of at least 0');
  if (expectedCommandId !== undefined && !uuidPattern.test(expectedCommandId))
    refuse('the command id of the expected event is not a lower-case UUID');
  if (!uuidPattern.test(commandId)) refuse('the command id is not a lower-case UUID');
  if (!validActor(actor)) refuse('the actor is of an unknown kind, or is a user or an operator without a valid id');
  if (typeof correlationId !== 'string' || !correlationPattern.test(correlationId))
    refuse('the correlation id is malformed');
  if (causationId !== undefined && !uuidPattern.test(causationId)) refuse('the causation id is not a lower-case UUID');
  if (accessId !== undefined && !uuidPattern.test(accessId)) refuse('the access id is not a lower-case UUID');
};

/**
 * Refuses every append that a store could not accept or would silently change, and serialises the data. Each store
 * calls this before its first I/O, so that all stores refuse the same appends.
 * @throws InvalidAppend its message says what is wrong and never quotes the data
 */
export const validateAppend = (append: Append): ValidAppend => {
  try {
    requireEnvelope(append);
    const { events } = append;
    if (!Array.isArray(events) || events.length === 0) refuse('an append needs at least one event');
    if (events.length > MAX_EVENTS) refuse(`an append may hold at most ${MAX_EVENTS} events`);
    const json: string[] = [];
    let bytes = 0;
    for (const { type, data } of events) {
      if (typeof type !== 'string' || !typePattern.test(type)) refuse('the event type is malformed');
      const text = serialise(data);
      bytes += Buffer.byteLength(text);
      json.push(text);
    }
    if (bytes > MAX_APPEND_BYTES) refuse(`an append may hold at most ${MAX_APPEND_BYTES} bytes of data`);
    return { append, json, bytes };
  } catch (error) {
    if (error instanceof InvalidAppend) throw error;
    // Any other error, such as a getter that throws or a missing stream, is also a fault of the append.
    throw new InvalidAppend('the append cannot be read', { cause: error });
  }
};
