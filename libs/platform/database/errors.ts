/** The database can't be used as it is; the message tells an operator what to change. */
export class DatabaseSetupError extends Error {
  override readonly name = 'DatabaseSetupError';
}
