import { LogUnavailable, PositionsBehind } from '#event-log/port';
import { NotReady } from '#platform/readiness/check';
import { historyChecks } from './history';

/** The check of the positions' sequence with a log that has this function. */
const sequenceCheck = (checkPositions: () => Promise<void>) => {
  const watch = { invalidCheckpoints: () => ({ projections: new Map(), reactions: new Map() }) };
  const check = historyChecks(watch, { checkPositions }).find(({ name }) => name === 'sequence');
  if (!check) throw new Error('there is no check of the sequence');
  return check;
};

describe("the check of the positions' sequence", () => {
  it('fails with the message of the log if the sequence is behind', async () => {
    const check = sequenceCheck(() => Promise.reject(new PositionsBehind('The sequence is behind.')));
    await expect(check.run()).rejects.toEqual(new NotReady('The sequence is behind.'));
  });

  it('passes if the log does not answer, because the check of the log fails then', async () => {
    const check = sequenceCheck(() => Promise.reject(new LogUnavailable('not available')));
    await expect(check.run()).resolves.toBeUndefined();
  });

  it('does not say that the sequence is behind if the answer did not arrive in time', () => {
    expect(sequenceCheck(() => new Promise(() => undefined)).message).not.toMatch(/behind/);
  });
});
