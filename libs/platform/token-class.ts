/**
 * A class that stands for a type where only a class can: as type and injection token at once.
 * `abstract class Sessions extends tokenClass<ReturnType<typeof createSessions>>() {}` has no code of its own; any value of
 * the type may be provided for it.
 */
export const tokenClass = <T extends object>(): (abstract new () => T) => Object as never;
