/** What an event's data may hold: what JSON can carry. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };
