import { getEventListeners, getMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { silentLogger } from '#platform/logging/logger.port';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { startEngine } from '../engine';
import { defineProjection } from '../projection';
import { createProgress } from '../read-your-writes/progress';

const tables = { things: { key: ['thing'], columns: { thing: 'text' } } } as const;
const projections = Array.from({ length: 12 }, (_, at) =>
  defineProjection<{ type: 'Happened'; data: Record<string, never> }, typeof tables>({
    ...{ name: `things-${at}`, version: 1, schema: '', tables, on: { Happened: () => {} } },
  }),
);

describe('a worker whose projections all wait at the same time', () => {
  it('gets no warning of a leak from Node, however many projections there are', async () => {
    const pool = { connect: () => Promise.reject(new Error('connect ECONNREFUSED')) } as unknown as Pool;
    const processes = {
      run: async () => undefined,
      refresh: async () => undefined,
      isNewer: () => false,
      mayBeNewer: () => true,
    };
    let signal: AbortSignal | undefined;
    const watch = async (received: AbortSignal): Promise<void> => {
      signal = received;
    };
    const log = new InMemoryEventLog();
    const engine = startEngine({
      ...{ projections, log, pool, roles: {}, processes, logger: silentLogger, progress: createProgress() },
      metrics: { moved: () => undefined, watch },
    });
    const waiting = (): number => (signal ? getEventListeners(signal, 'abort').length : 0);
    try {
      for (const end = Date.now() + 20_000; waiting() <= projections.length && Date.now() < end; ) await sleep(5);
      expect(waiting()).toBeGreaterThan(projections.length);
      expect(getMaxListeners(signal as AbortSignal)).toBeGreaterThanOrEqual(waiting());
    } finally {
      await engine.stop();
      await log.close();
    }
  });
});
