/** An event that the rules of this release do not know: a newer release wrote it before a rollback to this one. */
export class UnknownEvent extends Error {
  override readonly name = 'UnknownEvent';
  constructor(
    readonly type: string,
    reason = `this release does not know the event ${type}`,
  ) {
    super(`${reason}; run the release that wrote it`);
  }
}

/**
 * The default case of a fold. The type `never` makes the compiler report each known event that the fold does not
 * handle.
 * @throws UnknownEvent
 */
export const unknownEvent = (event: never): never => {
  throw new UnknownEvent((event as { readonly type: string }).type);
};
