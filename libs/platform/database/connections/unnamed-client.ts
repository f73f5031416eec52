import { Client } from 'pg';

type Query = (this: Client, config: unknown, ...rest: unknown[]) => unknown;

/**
 * A client that names no prepared statement. Behind a pooler that keeps none, a statement that one transaction has prepared
 * is not there for the next, which may run on another connection of the server.
 */
export class UnnamedClient extends Client {}

const query = Client.prototype.query as unknown as Query;

/** A query that is an object of its own, with a `submit`, looks after its name by itself. */
const withoutName = (config: unknown): unknown =>
  typeof config === 'object' && config !== null && 'name' in config && !('submit' in config)
    ? { ...config, name: undefined }
    : config;

Object.defineProperty(UnnamedClient.prototype, 'query', {
  value(this: Client, config: unknown, ...rest: unknown[]) {
    return query.call(this, withoutName(config), ...rest);
  },
});
