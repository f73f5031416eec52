import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { Problem } from '#platform/problems';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { createRefusalAudit } from './refusal-audit';

const seats = (used: number): Problem =>
  new Problem('plan-limit-reached', { members: { resource: 'seats', limit: 3, used, plan: 'free' } });

describe('refusals', () => {
  const [tenantId, ada] = [uuidv7(), uuidv7()];
  const requestOf = (userId: string | null) => ({
    ...{ tenantId, userId, operation: 'POST /v1/invitations', requestId: 'request' },
  });
  const recorded = async (log: InMemoryEventLog) =>
    (await log.readAll({ after: 0n, limit: 100 })).events.map(({ actor, data }) => [
      actor.kind,
      data['used'],
      data['times'],
    ]);

  it('of one kind are recorded at once, and their repeats as a number at the end of the minute', async () => {
    const log = new InMemoryEventLog();
    let clock = 0;
    const audit = createRefusalAudit({ log, logger: silentLogger, quietMs: 60, now: () => clock });
    for (const used of [3, 4, 5]) audit.note(requestOf(ada), seats(used));
    clock = 60;
    while ((await recorded(log)).length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await audit.close();
    expect(await recorded(log)).toEqual([
      ['user', 3, 1],
      ['user', 5, 2],
    ]);
  });

  it('that were only counted are recorded when the process stops', async () => {
    const log = new InMemoryEventLog();
    const audit = createRefusalAudit({ log, logger: silentLogger });
    for (const used of [3, 3, 3, 3]) audit.note(requestOf(null), seats(used));
    audit.note(requestOf(ada), seats(3));
    await audit.close();
    expect(await recorded(log)).toEqual([
      ['system', 3, 1],
      ['user', 3, 1],
      ['system', 3, 3],
    ]);
  });

  it('of other kinds are not recorded', async () => {
    const log = new InMemoryEventLog();
    const audit = createRefusalAudit({ log, logger: silentLogger });
    audit.note(requestOf(ada), new Problem('not-found'));
    await audit.close();
    expect(await recorded(log)).toEqual([]);
  });
});
