/** The operator has to change something; the message says what. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}
