/** The database cannot be used in its present state. The message tells an operator what to change. */
export class DatabaseSetupError extends Error {
  override readonly name = 'DatabaseSetupError';
}
