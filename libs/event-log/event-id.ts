import { uuidv5 } from '#platform/ids/uuid';

/**
 * The id of the event at `ordinal` (0 for the first) of the append that the command made: UUIDv5 of the two. Neither
 * store needs the id twice: a repeated command makes the same ids, and the store recognises them.
 */
export const eventId = (commandId: string, ordinal: number): string => uuidv5(commandId, String(ordinal));
