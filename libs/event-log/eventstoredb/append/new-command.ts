import { timeOfUuidv7 } from '#platform/ids/uuid';
import type { Append } from '../../port';
import { coversCommand, type KnownPart } from './known-streams';

/** A command counts as new if its id, a UUIDv7, was generated within this number of ms. */
const NEW_MS = 1_000;

/** The time (ms since 1970) at which a command id was generated; undefined if the id is not a UUIDv7. */
export const creationTimeOf = (commandId: string): number | undefined =>
  commandId[14] === '7' ? timeOfUuidv7(commandId) : undefined;

/**
 * Whether the append can be sent without reading the stream first: its command is new, and every event of the stream
 * that could belong to it is known. If the stream must not exist, no event needs to be known: the server refuses the
 * append if the stream exists.
 */
export const needsNoRead = (
  { expected }: Append,
  known: KnownPart | undefined,
  createdAt: number | undefined,
): boolean => {
  if (createdAt === undefined || Date.now() - createdAt > NEW_MS) return false;
  if (expected === 0) return true;
  if (!known) return expected === 'any';
  return (expected === 'any' || known.to >= expected) && coversCommand(known, createdAt);
};
