/** An event that the rules of this release do not know: a newer release wrote it, before this one took its place. */
export class UnknownEvent extends Error {
  override readonly name = 'UnknownEvent';
  constructor(
    readonly type: string,
    reason = `this release does not know the event ${type}`,
  ) {
    super(`${reason}; run the release that wrote it`);
  }
}

/** The default of a fold: the compiler lets it be reached by no event that the release knows. @throws UnknownEvent */
export const unknownEvent = (event: never): never => {
  throw new UnknownEvent((event as { readonly type: string }).type);
};
