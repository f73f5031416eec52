import { randomUUID } from 'node:crypto';
import { allOf, anAppend, aStream, caughtUp, facts, follow, ids, upTo } from '#event-log/contract/support';
import { type RecordedEvent, START } from '#event-log/port';
import { IMPATIENT, scripted } from './support';

describe("a tenant's history on a server whose system projections run", () => {
  const given = scripted({ ...IMPATIENT, readDeadlineMs: 10_000 });
  const tenantId = randomUUID();

  /** Events of the tenant between those of others; `unlinked` of them are not linked yet. */
  const history = async (linked: number, unlinked: number): Promise<string[]> => {
    const { log, server } = given();
    server.script.projections = 'running';
    for (const n of upTo(linked + unlinked)) {
      await log.append(anAppend({ stream: aStream(tenantId), events: facts(2) }));
      await log.append(anAppend());
      if (n === linked) server.store.categorise();
    }
    const { events } = await log.readAll({ after: START, limit: 1_000 });
    return ids(events.filter(({ stream }) => stream.tenantId === tenantId));
  };

  /** Records that the server has looked through for filtered reads. */
  const sent = (): number => given().server.script.counts.sent;

  it('is read by the links of its category, and the rest from the log', async () => {
    const expected = await history(20, 3);
    const before = sent();
    expect(ids(await allOf(given().log, tenantId))).toEqual(expected);
    expect(sent() - before).toBe(6);
  });

  it('is the same by pages of any size, from any position, in a process that has read nothing yet', async () => {
    const expected = await history(6, 2);
    for (const limit of [1, 2, 3, 5, 100]) {
      expect(ids(await allOf(given().another(), tenantId, limit))).toEqual(expected);
    }
    const all = await allOf(given().log, tenantId);
    for (const { position } of all) {
      const page = await given().another().readAll({ after: position, limit: 100, tenantId });
      expect(ids(page.events)).toEqual(ids(all.filter((event: RecordedEvent) => event.position > position)));
      expect(page.caughtUp).toBe(true);
    }
  });

  it('is subscribed to without a gap between links and log', async () => {
    const expected = await history(5, 2);
    expect(ids((await follow(given().log, { after: START, tenantId, pageSize: 3 }, caughtUp)).events)).toEqual(
      expected,
    );
  });

  it('is read from the log where the links lead nowhere, do not exist, or are not for this user', async () => {
    const expected = await history(4, 1);
    for (const projections of ['absent', 'denied'] as const) {
      given().server.script.projections = projections;
      expect(ids(await allOf(given().another(), tenantId))).toEqual(expected);
    }
    given().server.script.projections = 'running';
    expect(await allOf(given().log, randomUUID())).toEqual([]);
  });

  it('is erased whole: the streams that are linked, and those that are not yet', async () => {
    await history(5, 2);
    const { log, server, another } = given();
    await log.deleteTenant(tenantId);
    expect(server.script.counts.tombstones).toBe(7);
    server.store.categorise();
    expect(await allOf(another(), tenantId)).toEqual([]);
    await log.deleteTenant(tenantId);
    expect(server.script.counts.tombstones).toBe(7);
  });
});
