import type { JsonObject } from './json';

/** Rewrites the data of one event from a schema version to the next. Pure; may change its argument and return it. */
export type Upcast = (data: JsonObject) => JsonObject;

/**
 * Per event type the upcasts from version 1 to 2, 2 to 3, …: the current version is the length of the list plus one, and
 * a type that is not listed is at version 1. What was stored stays as it was stored: upcasting happens on read.
 */
export type Upcasters = { readonly [type: string]: readonly Upcast[] };

export const noUpcasters: Upcasters = {};

/**
 * An event was written by a newer release than this one: the release that reads must be deployed before the one that
 * writes. Such an event is read like any other; reading its data throws this error (see `RecordedEvent.data`).
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

/** Why data of this type can't be read that is stored in this version; undefined where it can. */
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
 * The data as the current version of its type has it.
 * @param version the schema version in which it is stored, 1 or more
 * @throws UnknownSchemaVersion where the stored version is newer than this release knows, or is no version at all
 */
export const upcast = (upcasters: Upcasters, type: string, version: number, data: JsonObject): JsonObject => {
  const unknown = unknownVersion(upcasters, type, version);
  if (unknown) throw unknown;
  const steps = stepsOf(upcasters, type);
  if (version > steps.length) return data;
  return steps.slice(version - 1).reduce((older, step) => step(older), data);
};
