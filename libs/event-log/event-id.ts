import { uuidv5 } from '#platform/ids/uuid';

/**
 * The id of the event at `ordinal` (0 for the first) in the append of a command: UUIDv5 of command id and ordinal. A
 * repeated command has the same event ids, so a store recognises the repeat.
 */
export const eventId = (commandId: string, ordinal: number): string => uuidv5(commandId, String(ordinal));
