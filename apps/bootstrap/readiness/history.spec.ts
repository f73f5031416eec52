import { LogUnavailable, PositionsBehind } from '#event-log/port';
import { NotReady } from '#platform/readiness/check';
import { historyChecks } from './history';

/** The check of the positions' sequence over a log that answers so. */
const sequenceCheck = (checkPositions: () => Promise<void>) => {
  const watch = { misfits: () => ({ projections: new Map(), reactions: new Map() }) };
  const check = historyChecks(watch, { checkPositions }).find(({ name }) => name === 'sequence');
  if (!check) throw new Error('there is no check of the sequence');
  return check;
};

describe("the check of the positions' sequence", () => {
  it('fails with the sentence of the log where the sequence is behind', async () => {
    const check = sequenceCheck(() => Promise.reject(new PositionsBehind('The sequence is behind.')));
    await expect(check.run()).rejects.toEqual(new NotReady('The sequence is behind.'));
  });

  it('leaves a log that does not answer to the check of the log', async () => {
    const check = sequenceCheck(() => Promise.reject(new LogUnavailable('away')));
    await expect(check.run()).resolves.toBeUndefined();
  });

  it('does not claim that the sequence is behind where the answer did not come in time', () => {
    expect(sequenceCheck(() => new Promise(() => undefined)).message).not.toMatch(/behind/);
  });
});
