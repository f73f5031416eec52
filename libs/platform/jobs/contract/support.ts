import { Registry } from 'prom-client';
import { createPool } from '../../database/connections/pools';
import { type Logger, silentLogger } from '../../logging/logger.port';
import { createJobs } from '../create-jobs';
import { createPostgresTransport } from '../postgres';
import { createRedisTransport } from '../redis';

/** The server of one kind of transport. Other tests may use it at the same time. */
export interface JobsFixture {
  /** The URL of the server that holds the queues. */
  readonly url: string;
  /** The URL of the database that holds the schedules, for the role `projector`. */
  readonly schedulesUrl: string;
  /** Makes the server end every connection. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly schedulesUrl?: string;
  readonly graceMs?: number;
  readonly claimMs?: number;
  readonly logger?: Logger;
}

/** Opens jobs as one process does. Nothing but the server is shared with other calls. */
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
