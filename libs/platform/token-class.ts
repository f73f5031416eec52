/**
 * The base of a class that is only an injection token for a type, because Nest cannot inject by an interface. For
 * example `abstract class Sessions extends tokenClass<ReturnType<typeof createSessions>>() {}` has no code, and any
 * value of the type may be provided for it.
 */
export const tokenClass = <T extends object>(): (abstract new () => T) => Object as never;
