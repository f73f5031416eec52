import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { Problem } from '#platform/problems';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { createRefusalAudit } from './refusal-audit';

const seats = (used: number): Problem =>
  new Problem('plan-limit-reached', { members: { resource: 'seats', limit: 3, used, plan: 'free' } });

describe('refusals', () => {
  const [tenantId, ada] = [uuidv7(), uuidv7()];
  const refused = (userId: string | null) => ({
    ...{ tenantId, userId, operation: 'POST /v1/invitations', requestId: 'request' },
  });
  const recorded = async (log: InMemoryEventLog) =>
    (await log.readAll({ after: 0n, limit: 100 })).events.map(({ actor, data }) => [
      actor.kind,
      data['used'],
      data['times'],
    ]);

  it('of one kind are recorded at once, and those that come again as their number when the minute is over', async () => {
    const log = new InMemoryEventLog();
    let clock = 0;
    const refusals = createRefusalAudit({ log, logger: silentLogger, quietMs: 60, now: () => clock });
    for (const used of [3, 4, 5]) refusals.note(refused(ada), seats(used));
    clock = 60;
    while ((await recorded(log)).length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await refusals.close();
    expect(await recorded(log)).toEqual([
      ['user', 3, 1],
      ['user', 5, 2],
    ]);
  });

  it('that were only counted are recorded when the process ends', async () => {
    const log = new InMemoryEventLog();
    const refusals = createRefusalAudit({ log, logger: silentLogger });
    for (const used of [3, 3, 3, 3]) refusals.note(refused(null), seats(used));
    refusals.note(refused(ada), seats(3));
    await refusals.close();
    expect(await recorded(log)).toEqual([
      ['system', 3, 1],
      ['user', 3, 1],
      ['system', 3, 3],
    ]);
  });

  it('of other kinds are not recorded', async () => {
    const log = new InMemoryEventLog();
    const refusals = createRefusalAudit({ log, logger: silentLogger });
    refusals.note(refused(ada), new Problem('not-found'));
    await refusals.close();
    expect(await recorded(log)).toEqual([]);
  });
});
