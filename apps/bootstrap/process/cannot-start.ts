/** The process cannot start until an operator changes something. The message says what. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}
