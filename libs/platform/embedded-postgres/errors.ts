/** The embedded PostgreSQL cannot run. The message tells an operator what to change. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}
