import { Client, escapeIdentifier } from 'pg';
import type { TestDatabase } from './database';

/** A copy of a database that can replace the database later, to simulate a restore or a late failover. */
export interface OlderCopy {
  /** Ends every connection to the database and replaces it by the copy. This can be done once. */
  takeOver(): Promise<void>;
}

/** Runs statements in the database `postgres` of the same server. */
const onServer = async <T>({ urls }: TestDatabase, work: (client: Client) => Promise<T>): Promise<T> => {
  const url = new URL(urls.owner);
  url.pathname = '/postgres';
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

/**
 * Runs `work` while the database accepts no connections: PostgreSQL copies and renames a database only if it has no
 * connections.
 */
const withoutConnections = async (client: Client, name: string, work: () => Promise<unknown>): Promise<void> => {
  const quoted = escapeIdentifier(name);
  await client.query(`alter database ${quoted} allow_connections false`);
  try {
    for (let attempt = 1; ; attempt++) {
      await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
      try {
        await work();
        return;
      } catch (error) {
        // A terminated connection counts as a connection until the server has closed it.
        if ((error as { code?: unknown }).code !== '55006' || attempt === 500) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  } finally {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 1) await client.query(`alter database ${quoted} allow_connections true`);
  }
};

/** Copies a database. All its connections are ended, and new ones are refused for a moment. */
export const copyDatabase = async (database: TestDatabase): Promise<OlderCopy> => {
  const { name } = database;
  const copy = `${name}_copy`;
  await onServer(database, (client) =>
    withoutConnections(client, name, () =>
      client.query(`create database ${escapeIdentifier(copy)} template ${escapeIdentifier(name)}`),
    ),
  );
  return {
    takeOver: () =>
      onServer(database, async (client) => {
        // The copy accepts connections as soon as it has its new name.
        await withoutConnections(client, name, async () => {
          await client.query(`alter database ${escapeIdentifier(name)} rename to ${escapeIdentifier(`${name}_lost`)}`);
          await client.query(`alter database ${escapeIdentifier(copy)} rename to ${escapeIdentifier(name)}`);
        });
        await client.query(`drop database ${escapeIdentifier(`${name}_lost`)} with (force)`);
      }),
  };
};
