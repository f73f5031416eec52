import { Registry } from 'prom-client';
import { silentLogger } from '../../logger.port';
import { createJobs } from '../create-jobs';
import { createPostgresTransport } from '../postgres';
import { createRedisTransport } from '../redis';

/** One kind of transport, at a server that others may use as well. */
export interface JobsFixture {
  readonly url: string;
  /** Ends every connection at the server's side. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly graceMs?: number;
  readonly claimMs?: number;
}

/** What one process has of jobs: shares nothing with another but the server. */
export const openJobs = (url: string, { graceMs = 5_000, claimMs = 1_000 }: OpenOptions = {}) => {
  const registry = new Registry();
  const jobs = createJobs({
    transport: (onError) =>
      url.startsWith('redis')
        ? createRedisTransport({ url, prefix: 'test', onError })
        : createPostgresTransport({ url, max: 4, onError }),
    registry,
    logger: silentLogger,
    graceMs,
    claimMs,
  });
  return { jobs, registry };
};

export type OpenedJobs = ReturnType<typeof openJobs>;
