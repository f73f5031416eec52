import { getPostgreSQLEventStore, type PostgresEventStore } from '@event-driven-io/emmett-postgresql';
import { Client, Pool } from 'pg';
import type { Contender } from '../load';
import { appendTask, tenantId } from '../tasks/events';

/** Creates a database with Emmett's schema. @returns its URL */
export const createEmmettDatabase = async (serverUrl: string, name: string): Promise<string> => {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`drop database if exists ${name} with (force)`);
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const store = getPostgreSQLEventStore(url.href);
  await store.schema.migrate();
  await store.close();
  return url.href;
};

export const openEmmett = (url: string, connections: number): { store: PostgresEventStore; close(): Promise<void> } => {
  const pool = new Pool({ connectionString: url, max: connections });
  const store = getPostgreSQLEventStore(url, {
    schema: { autoMigration: 'None' },
    connectionOptions: { pool },
  });
  return {
    store,
    close: async () => {
      await store.close();
      await pool.end();
    },
  };
};

/**
 * Appends of the same events to Emmett, tuned: with one connection for each append in flight, and with the expected
 * version as a number, which is faster than `STREAM_DOES_NOT_EXIST` because Emmett then does not query the version of
 * the stream.
 */
export const emmettAppends = (url: string, connections: number, tenants = 1_000): Contender => ({
  open: async () => {
    const { store, close } = openEmmett(url, connections);
    return {
      operation: () => {
        const { stream, events, commandId, actor } = appendTask(tenantId(Math.floor(Math.random() * tenants)));
        const metadata = { tenantId: stream.tenantId, actor, commandId, correlationId: commandId };
        return store.appendToStream(
          `task-${stream.id}`,
          events.map((event) => ({ ...event, metadata })),
          { expectedStreamVersion: 0n },
        );
      },
      close,
    };
  },
});
