import { execFile, execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, Pool } from 'pg';
import { closedLoop } from '../load';
import type { Pace } from '../options';
import { temporaryDirectory } from '../server';
import { DATA_BYTES } from '../tasks/events';

const run = promisify(execFile);

const TABLE =
  'create table if not exists floor (id bigint generated always as identity primary key, data json not null)';
const INSERT = 'insert into floor (data) values ($1)';
const DATA = JSON.stringify({ note: 'n'.repeat(DATA_BYTES - '{"note":""}'.length) });

const isInstalled = (): boolean => {
  try {
    execFileSync('pgbench', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** The program that inserts: pgbench if it is installed, otherwise a loop in Node. */
export const floorTool = isInstalled() ? 'pgbench' : 'pg';

/** Commits per second. Each commit is one insert of 200 bytes into a table with only a primary key. */
export const insertsPerSecond = async (url: string, clients: number, pace: Pace): Promise<number> => {
  const owner = new Client({ connectionString: url });
  await owner.connect();
  await owner.query(TABLE);
  await owner.end();
  return floorTool === 'pgbench' ? insertWithPgbench(url, clients, pace) : insertWithNode(url, clients, pace);
};

const insertWithPgbench = async (url: string, clients: number, { seconds, warmUp }: Pace): Promise<number> => {
  const directory = await temporaryDirectory();
  try {
    const script = join(directory, 'insert.sql');
    await writeFile(script, `${INSERT.replace('$1', `'${DATA}'`)};\n`);
    const { hostname, port, username, password, pathname } = new URL(url);
    const host = decodeURIComponent(hostname);
    const { stdout } = await run(
      'pgbench',
      [
        ...['--no-vacuum', '--protocol', 'prepared', '--file', script],
        ...['--client', String(clients), '--jobs', '2', '--time', String(Math.ceil(seconds + warmUp))],
        ...['--host', host, '--port', port || '5432', '--username', username, pathname.slice(1)],
      ],
      { env: { PATH: process.env['PATH'], PGPASSWORD: decodeURIComponent(password) } },
    );
    const rate = /tps = ([\d.]+)/.exec(stdout)?.[1];
    if (rate === undefined) throw new Error(`pgbench printed no rate:\n${stdout}`);
    return Number(rate);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

const insertWithNode = async (url: string, clients: number, pace: Pace): Promise<number> => {
  const pool = new Pool({ connectionString: url, max: clients });
  const insert = (): Promise<unknown> => pool.query({ name: 'insert', text: INSERT, values: [DATA] });
  const { perSecond } = await closedLoop(insert, clients, pace);
  await pool.end();
  return perSecond;
};
