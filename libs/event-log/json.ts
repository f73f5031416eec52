/** The values that the data of an event may hold: those that JSON can represent. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };
