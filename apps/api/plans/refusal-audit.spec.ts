import type { Access } from '#access/access';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { Problem } from '#platform/problems';
import { testAccess } from '#testing/access';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { createRefusalAudit } from './refusal-audit';

const seats = (used: number): Problem =>
  new Problem('plan-limit-reached', { members: { resource: 'seats', limit: 3, used, plan: 'free' } });

describe('refusals', () => {
  const [tenantId, ada, session] = [uuidv7(), uuidv7(), uuidv7()];
  const requestOf = (userId: string | null) => ({
    ...{ tenantId, userId, operation: 'POST /v1/invitations', requestId: 'request' },
    access: userId === null ? undefined : testAccess({ credentialId: session }),
  });
  /** The id of a record is the id of its credential here. */
  const accessRecords = { find: ({ credentialId }: Access) => credentialId ?? 'none' };
  const recorded = async (log: InMemoryEventLog) =>
    (await log.readAll({ after: 0n, limit: 100 })).events.map(({ actor, data }) => [
      actor.kind,
      data['used'],
      data['times'],
    ]);

  it('of one kind are recorded at once, and their repeats as a number at the end of the minute', async () => {
    const log = new InMemoryEventLog();
    let clock = 0;
    const audit = createRefusalAudit({ log, accessRecords, logger: silentLogger, quietMs: 60, now: () => clock });
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
    const audit = createRefusalAudit({ log, accessRecords, logger: silentLogger });
    for (const used of [3, 3, 3, 3]) audit.note(requestOf(null), seats(used));
    audit.note(requestOf(ada), seats(3));
    await audit.close();
    expect(await recorded(log)).toEqual([
      ['system', 3, 1],
      ['user', 3, 1],
      ['system', 3, 3],
    ]);
  });

  it('name the access record of the user, and none for a user who wants to join', async () => {
    const log = new InMemoryEventLog();
    const audit = createRefusalAudit({ log, accessRecords, logger: silentLogger });
    audit.note(requestOf(ada), seats(3));
    audit.note(requestOf(null), seats(3));
    await audit.close();
    const { events } = await log.readAll({ after: 0n, limit: 100 });
    expect(new Map(events.map(({ actor, accessId }) => [actor.kind, accessId]))).toEqual(
      new Map([
        ['user', session],
        ['system', null],
      ]),
    );
  });

  it('of other kinds are not recorded', async () => {
    const log = new InMemoryEventLog();
    const audit = createRefusalAudit({ log, accessRecords, logger: silentLogger });
    audit.note(requestOf(ada), new Problem('not-found'));
    await audit.close();
    expect(await recorded(log)).toEqual([]);
  });
});
