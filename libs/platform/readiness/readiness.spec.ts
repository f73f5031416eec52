import { createMetricsRegistry } from '../metrics';
import { NotReady } from './check';
import { createReadiness } from './readiness';

const lines: string[] = [];
const log = (fields: Record<string, unknown>, message: string): void => {
  lines.push(`${message}: ${fields['check']}${fields['reason'] ? `, ${fields['reason']}` : ''}`);
};
const logger = { debug: log, info: log, warn: log, error: log };
const about = { name: 'clock', message: 'The clock is wrong.', runbook: 'docs/runbooks/readiness.md#clock' };

describe('readiness', () => {
  beforeEach(() => {
    lines.length = 0;
    jest.useFakeTimers();
  });
  afterEach(() => jest.useRealTimers());

  it('logs when a check begins to fail and when it passes again, and sets the gauge', async () => {
    const registry = createMetricsRegistry();
    const readiness = createReadiness({ logger, registry });
    let failure: Error | undefined;
    readiness.add({
      ...about,
      run: async () => {
        if (failure) throw failure;
      },
    });
    const look = () => {
      jest.advanceTimersByTime(1_000);
      return readiness.failing();
    };
    expect(await look()).toEqual([]);
    failure = new Error('secret');
    expect(await look()).toEqual([about]);
    expect(await look()).toEqual([about]);
    expect(await registry.metrics()).toContain('tenantry_ready{check="clock"} 0');
    failure = new NotReady('The clock is 400 days ahead.');
    expect(await look()).toEqual([{ ...about, message: 'The clock is 400 days ahead.' }]);
    failure = undefined;
    expect(await look()).toEqual([]);
    expect(await registry.metrics()).toContain('tenantry_ready{check="clock"} 1');
    expect(lines).toEqual([
      'readiness check fails: clock, The clock is wrong.',
      'readiness check fails: clock, The clock is 400 days ahead.',
      'readiness check passes again: clock',
    ]);
  });
});
