import type { JsonObject } from './json';

/**
 * Converts the data of one event from one schema version to the next. It has no side effects, except that it may change
 * its argument and return it.
 */
export type Upcast = (data: JsonObject) => JsonObject;

/**
 * For each event type, the upcasts from version 1 to 2, from 2 to 3, and so on. The current version of a type is the
 * length of its list plus one; a type that is not listed has version 1. Stored data never changes: it is upcast when it
 * is read.
 */
export type Upcasters = { readonly [type: string]: readonly Upcast[] };

export const noUpcasters: Upcasters = {};

/**
 * An event was written by a newer release than this one. The event itself can be read; only its data throws this error
 * (see `RecordedEvent.data`). To avoid it, deploy a release that reads the new version before one that writes it.
 */
export class UnknownSchemaVersion extends Error {
  override readonly name = 'UnknownSchemaVersion';
  constructor(
    readonly type: string,
    readonly stored: number,
    readonly known: number,
  ) {
    super(`event ${type} is stored in schema version ${stored}, this release knows ${known} at most`);
  }
}

const stepsOf = (upcasters: Upcasters, type: string): readonly Upcast[] =>
  Object.hasOwn(upcasters, type) ? (upcasters[type] ?? []) : [];

/** The schema version in which events of this type are written now. 1 or more. */
export const currentVersion = (upcasters: Upcasters, type: string): number => stepsOf(upcasters, type).length + 1;

/**
 * The error for data of this type that is stored in a version which this release does not know; undefined if it does.
 */
export const unknownVersion = (
  upcasters: Upcasters,
  type: string,
  version: number,
): UnknownSchemaVersion | undefined => {
  const known = currentVersion(upcasters, type);
  const isKnown = Number.isInteger(version) && version >= 1 && version <= known;
  return isKnown ? undefined : new UnknownSchemaVersion(type, version, known);
};

/**
 * Converts data to the current version of its type.
 * @param version the schema version in which the data is stored, 1 or more
 * @throws UnknownSchemaVersion the stored version is newer than this release knows, or is not an integer above 0
 */
export const upcast = (upcasters: Upcasters, type: string, version: number, data: JsonObject): JsonObject => {
  const unknown = unknownVersion(upcasters, type, version);
  if (unknown) throw unknown;
  const steps = stepsOf(upcasters, type);
  if (version > steps.length) return data;
  return steps.slice(version - 1).reduce((older, step) => step(older), data);
};
