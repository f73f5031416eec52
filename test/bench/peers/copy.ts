import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { Client, type PoolClient } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { roleNames } from '#platform/database/roles/roles';
import { readSchema, runIn } from '#projecting/versions/install';
import { tasksProjection } from '../tasks/projection';

const CHUNK = 256 * 1_024;

/** The rows of the read model in the text format of COPY, ready to be sent. */
export const readCopyLines = async (ownerUrl: string): Promise<Buffer[]> => {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  const chunks: Buffer[] = [];
  let pending: Buffer[] = [];
  let size = 0;
  const flush = (): void => {
    chunks.push(Buffer.concat(pending));
    pending = [];
    size = 0;
  };
  await pipeline(client.query(copyTo('copy read_model.tasks to stdout')), async (lines: AsyncIterable<Buffer>) => {
    for await (const line of lines) {
      pending.push(line);
      size += line.length;
      if (size >= CHUNK) flush();
    }
  });
  flush();
  await client.end();
  return chunks;
};

/**
 * The floor of any rebuild: the finished rows are sent with COPY to a table without indexes, which then gets the same
 * keys, indexes and policies and is analysed. That is faster than COPY into a table that already has them.
 */
export const copyIn = async (client: PoolClient, rolePrefix: string, lines: readonly Buffer[]): Promise<void> => {
  const { tables, keys, security } = await readSchema(tasksProjection, roleNames(rolePrefix));
  const inTransaction = async (sql: string): Promise<void> => {
    await client.query('begin');
    await runIn(client, 'bench_copy', sql);
    await client.query('commit');
  };
  await client.query('drop table if exists bench_copy.tasks');
  await inTransaction(tables);
  const stream = client.query(copyFrom('copy bench_copy.tasks from stdin'));
  const finished = once(stream, 'finish');
  for (const chunk of lines) if (!stream.write(chunk)) await once(stream, 'drain');
  stream.end();
  await finished;
  await inTransaction(`set local maintenance_work_mem = '128MB'; ${keys}; analyze tasks; ${security}`);
};
