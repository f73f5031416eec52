import { createMetricsRegistry } from '../metrics';
import { NotReady } from './check';
import { createPhase } from './phase';
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
    const failingLater = () => {
      jest.advanceTimersByTime(1_000);
      return readiness.failing();
    };
    expect(await failingLater()).toEqual([]);
    failure = new Error('secret');
    expect(await failingLater()).toEqual([about]);
    expect(await failingLater()).toEqual([about]);
    expect(await registry.metrics()).toContain('tenantry_ready{check="clock"} 0');
    failure = new NotReady('The clock is 400 days ahead.');
    expect(await failingLater()).toEqual([{ ...about, message: 'The clock is 400 days ahead.' }]);
    failure = undefined;
    expect(await failingLater()).toEqual([]);
    expect(await registry.metrics()).toContain('tenantry_ready{check="clock"} 1');
    expect(lines).toEqual([
      'readiness check fails: clock, The clock is wrong.',
      'readiness check fails: clock, The clock is 400 days ahead.',
      'readiness check passes again: clock',
    ]);
  });

  it('does not start a check again while it hangs, and uses its result when it ends', async () => {
    jest.useRealTimers();
    const readiness = createReadiness({ logger });
    let runs = 0;
    let end = (): void => undefined;
    const run = () => {
      runs += 1;
      return new Promise<void>((resolve) => {
        end = resolve;
      });
    };
    readiness.add({ ...about, run });
    expect(await readiness.failing()).toEqual([about]);
    expect(await readiness.refresh()).toEqual([about]);
    expect(runs).toBe(1);
    const round = readiness.refresh();
    end();
    expect(await round).toEqual([]);
    expect(runs).toBe(1);
  });

  it('runs one round for all callers that arrive while it runs, however long it takes', async () => {
    jest.useRealTimers();
    const readiness = createReadiness({ logger });
    let runs = 0;
    readiness.add({
      ...about,
      run: async () => {
        runs += 1;
        await new Promise((resolve) => setTimeout(resolve, 600));
      },
    });
    const first = readiness.failing();
    await new Promise((resolve) => setTimeout(resolve, 400));
    await Promise.all([first, readiness.failing(), readiness.failing()]);
    expect(runs).toBe(1);
  });

  it('counts a check as failed that throws synchronously, or throws no error object', async () => {
    jest.useRealTimers();
    const readiness = createReadiness({ logger });
    const run = (): never => {
      throw undefined;
    };
    readiness.add({ ...about, run });
    expect(await readiness.failing()).toEqual([about]);
  });

  it('fails while the process starts, and again as soon as it stops', async () => {
    jest.useRealTimers();
    const readiness = createReadiness({ logger });
    const phase = createPhase();
    readiness.add(phase.check);
    expect((await readiness.failing()).map(({ message }) => message)).toEqual([expect.stringMatching(/starting/)]);
    phase.started();
    expect(await readiness.refresh()).toEqual([]);
    phase.stopping();
    expect((await readiness.refresh()).map(({ message }) => message)).toEqual([expect.stringMatching(/stopping/)]);
  });
});
