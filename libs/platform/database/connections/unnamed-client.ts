import { Client } from 'pg';
import { LimitedClient } from './limited-client';

type Query = (this: Client, config: unknown, ...rest: unknown[]) => unknown;

/**
 * A client that sends prepared statements without their names. It is for a pooler that does not keep prepared
 * statements: the next transaction may run on another connection of PostgreSQL, where a named statement does not exist.
 */
export class UnnamedClient extends LimitedClient {}

const query = Client.prototype.query as unknown as Query;

/** A query object with a `submit` method (see `scoped-query.ts`) is left as it is: it handles its name by itself. */
const withoutName = (config: unknown): unknown =>
  typeof config === 'object' && config !== null && 'name' in config && !('submit' in config)
    ? { ...config, name: undefined }
    : config;

Object.defineProperty(UnnamedClient.prototype, 'query', {
  value(this: Client, config: unknown, ...rest: unknown[]) {
    return query.call(this, withoutName(config), ...rest);
  },
});
