import { Client, escapeIdentifier } from 'pg';
import type { TestDatabase } from './database';

/** A copy of a database as it is now, which can take its place later: what a restore or a late failover does. */
export interface OlderCopy {
  /** Ends every connection to the database and puts the copy in its place. The copy is gone then. */
  takeOver(): Promise<void>;
}

/** Runs on the server of the database, and not in it. */
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

/** Takes no connections while `work` runs: PostgreSQL copies and renames only what nobody is connected to. */
const alone = async (client: Client, name: string, work: () => Promise<unknown>): Promise<void> => {
  const quoted = escapeIdentifier(name);
  await client.query(`alter database ${quoted} allow_connections false`);
  try {
    for (let attempt = 1; ; attempt++) {
      await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
      try {
        await work();
        return;
      } catch (error) {
        // A connection that is ending is one until the server has seen it go.
        if ((error as { code?: unknown }).code !== '55006' || attempt === 500) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  } finally {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 1) await client.query(`alter database ${quoted} allow_connections true`);
  }
};

/** Anyone who is connected loses the connection for a moment. */
export const copyDatabase = async (database: TestDatabase): Promise<OlderCopy> => {
  const { name } = database;
  const copy = `${name}_copy`;
  await onServer(database, (client) =>
    alone(client, name, () =>
      client.query(`create database ${escapeIdentifier(copy)} template ${escapeIdentifier(name)}`),
    ),
  );
  return {
    takeOver: () =>
      onServer(database, async (client) => {
        // It may be connected to from its first moment under its new name.
        await alone(client, name, async () => {
          await client.query(`alter database ${escapeIdentifier(name)} rename to ${escapeIdentifier(`${name}_lost`)}`);
          await client.query(`alter database ${escapeIdentifier(copy)} rename to ${escapeIdentifier(name)}`);
        });
        await client.query(`drop database ${escapeIdentifier(`${name}_lost`)} with (force)`);
      }),
  };
};
