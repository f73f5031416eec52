import { randomUUID } from 'node:crypto';
import { allOf, anAppend, aStream, caughtUp, facts, follow, ids, upTo } from '#event-log/contract/support';
import { type RecordedEvent, START } from '#event-log/port';
import { IMPATIENT, scripted } from './support';

describe("a tenant's history on a server whose system projections run", () => {
  const fixture = scripted({ ...IMPATIENT, readDeadlineMs: 10_000 });
  const tenantId = randomUUID();

  /**
   * Appends events of the tenant between events of others: `linked` appends that the projection has linked, then
   * `unlinked` appends that it has not linked yet.
   * @returns the ids of the tenant's events
   */
  const appendHistory = async (linked: number, unlinked: number): Promise<string[]> => {
    const { log, server } = fixture();
    server.script.projections = 'running';
    for (const n of upTo(linked + unlinked)) {
      await log.append(anAppend({ stream: aStream(tenantId), events: facts(2) }));
      await log.append(anAppend());
      if (n === linked) server.store.categorise();
    }
    const { events } = await log.readAll({ after: START, limit: 1_000 });
    return ids(events.filter(({ stream }) => stream.tenantId === tenantId));
  };

  /** The number of records that the server has sent for filtered reads. */
  const sent = (): number => fixture().server.script.counts.sent;

  it('is read by the links of its category, and later events from the log', async () => {
    const expected = await appendHistory(20, 3);
    const before = sent();
    expect(ids(await allOf(fixture().log, tenantId))).toEqual(expected);
    expect(sent() - before).toBe(6);
  });

  it('is the same by pages of any size and from any position, in a process that has read nothing yet', async () => {
    const expected = await appendHistory(6, 2);
    for (const limit of [1, 2, 3, 5, 100]) {
      expect(ids(await allOf(fixture().another(), tenantId, limit))).toEqual(expected);
    }
    const all = await allOf(fixture().log, tenantId);
    for (const { position } of all) {
      const page = await fixture().another().readAll({ after: position, limit: 100, tenantId });
      expect(ids(page.events)).toEqual(ids(all.filter((event: RecordedEvent) => event.position > position)));
      expect(page.caughtUp).toBe(true);
    }
  });

  it('reaches a subscription without a gap between links and log', async () => {
    const expected = await appendHistory(5, 2);
    expect(ids((await follow(fixture().log, { after: START, tenantId, pageSize: 3 }, caughtUp)).events)).toEqual(
      expected,
    );
  });

  it('is read from the log if the projection does not run or this user may not see it', async () => {
    const expected = await appendHistory(4, 1);
    for (const projections of ['absent', 'denied'] as const) {
      fixture().server.script.projections = projections;
      expect(ids(await allOf(fixture().another(), tenantId))).toEqual(expected);
    }
    fixture().server.script.projections = 'running';
    expect(await allOf(fixture().log, randomUUID())).toEqual([]);
  });

  it('is erased completely: the streams that are linked, and those that are not linked yet', async () => {
    await appendHistory(5, 2);
    const { log, server, another } = fixture();
    await log.deleteTenant(tenantId);
    expect(server.script.counts.tombstones).toBe(7);
    server.store.categorise();
    expect(await allOf(another(), tenantId)).toEqual([]);
    await log.deleteTenant(tenantId);
    expect(server.script.counts.tombstones).toBe(7);
  });
});
