import { Registry } from 'prom-client';
import { createPool } from '../../database/connections/pools';
import { type Logger, silentLogger } from '../../logging/logger.port';
import { createJobs } from '../create-jobs';
import { createPostgresTransport } from '../postgres';
import { createRedisTransport } from '../redis';

/** One kind of transport, at a server that others may use as well. */
export interface JobsFixture {
  readonly url: string;
  /** The database in which the schedules are, as the projector. */
  readonly schedulesUrl: string;
  /** Ends every connection at the server's side. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly schedulesUrl?: string;
  readonly graceMs?: number;
  readonly claimMs?: number;
  readonly logger?: Logger;
}

/** What one process has of jobs: shares nothing with another but the server. */
export const openJobs = (
  url: string,
  { graceMs = 5_000, claimMs = 3_000, schedulesUrl = url, logger = silentLogger }: OpenOptions = {},
) => {
  const registry = new Registry();
  const schedules = createPool({ url: schedulesUrl, max: 2, applicationName: 'test-schedules' });
  const jobs = createJobs({
    transport: (onError) =>
      url.startsWith('redis')
        ? createRedisTransport({ url, prefix: 'test', onError })
        : createPostgresTransport({ url, max: 4, onError }),
    ...{ schedules, registry, logger },
    graceMs,
    claimMs,
  });
  const close = async (): Promise<void> => {
    await jobs.close();
    if (!schedules.ending) await schedules.end();
  };
  return { jobs: { ...jobs, close }, registry };
};

export type OpenedJobs = ReturnType<typeof openJobs>;
