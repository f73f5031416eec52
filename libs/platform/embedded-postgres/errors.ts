/** The embedded PostgreSQL can't run as things are; the message tells what to change. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}
