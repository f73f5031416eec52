import { randomUUID } from 'node:crypto';
import { type EventLog, type Page, type RecordedEvent, START } from '../port';
import { allOf, anAppend, aStream, expectAscending, facts, ids, type Opened, upTo, versions } from './support';

const TYPES = ['Created', 'Changed', 'ChangedAgain'] as const;

/** Appends events of two tenants in alternation: 6 appends with one event of each of the three types. */
const twoTenants = async (log: EventLog) => {
  const after = await log.head();
  const [ours, theirs] = [randomUUID(), randomUUID()];
  for (let n = 0; n < 3; n++) {
    for (const tenantId of [ours, theirs]) {
      await log.append(anAppend({ stream: aStream(tenantId), events: TYPES.map((type) => ({ type, data: { n } })) }));
    }
  }
  return { after, ours, theirs };
};

const pagesOf = async (log: EventLog, options: Parameters<EventLog['readAll']>[0]): Promise<Page[]> => {
  const pages: Page[] = [];
  let { after } = options;
  for (;;) {
    const page = await log.readAll({ ...options, after });
    pages.push(page);
    expect(page.events.length).toBeLessThanOrEqual(options.limit);
    for (const { position } of page.events) {
      expect(position > after).toBe(true);
      expect(position <= page.position).toBe(true);
    }
    if (page.caughtUp) return pages;
    expect(page.position > after).toBe(true);
    after = page.position;
  }
};

const eventsOf = (pages: readonly Page[]): RecordedEvent[] => pages.flatMap(({ events }) => events);

export const reading = (opened: Opened): void => {
  describe('readStream', () => {
    it('returns no events for a stream that does not exist', async () => {
      expect(await opened().log.readStream(aStream())).toEqual([]);
      expect(await opened().log.readStream(aStream(), { afterVersion: 7, limit: 3 })).toEqual([]);
    });

    it('reads after a version, up to a limit', async () => {
      const { log } = opened();
      const stream = aStream();
      await log.append(anAppend({ stream, events: facts(10) }));
      const read = async (options: Parameters<EventLog['readStream']>[1]) =>
        versions(await log.readStream(stream, options));
      expect(await read({})).toEqual(upTo(10));
      expect(await read({ afterVersion: 0 })).toEqual(upTo(10));
      expect(await read({ afterVersion: 7 })).toEqual([8, 9, 10]);
      expect(await read({ limit: 4 })).toEqual([1, 2, 3, 4]);
      expect(await read({ afterVersion: 3, limit: 2 })).toEqual([4, 5]);
      expect(await read({ afterVersion: 9, limit: 5 })).toEqual([10]);
      expect(await read({ afterVersion: 10 })).toEqual([]);
      expect(await read({ afterVersion: 4_000 })).toEqual([]);
    });

    it('reads all events of a long stream', async () => {
      const { log } = opened();
      const stream = aStream();
      for (let expected = 0; expected < 2_000; expected += 500)
        await log.append(anAppend({ stream, expected, events: facts(500) }));
      const events = await log.readStream(stream);
      expect(versions(events)).toEqual(upTo(2_000));
      expectAscending(events);
    });

    it('returns an acknowledged event at once, in every process', async () => {
      const { log, reopen } = opened();
      const second = (await reopen?.()) ?? log;
      try {
        for (let n = 0; n < 10; n++) {
          const append = anAppend();
          await log.append(append);
          expect(await second.readStream(append.stream)).toHaveLength(1);
        }
      } finally {
        if (second !== log) await second.close();
      }
    });
  });

  describe('readAll', () => {
    it('returns only events of the requested tenant', async () => {
      const { log } = opened();
      const { after, ours } = await twoTenants(log);
      const events = eventsOf(await pagesOf(log, { after, limit: 100, tenantId: ours }));
      expect(events).toHaveLength(9);
      expectAscending(events);
      for (const { stream } of events) expect(stream.tenantId).toBe(ours);
    });

    it('returns only events of the requested types, and does not use their names as prefixes', async () => {
      const { log } = opened();
      const { after, ours, theirs } = await twoTenants(log);
      const events = eventsOf(await pagesOf(log, { after, limit: 100, types: ['Changed', 'Created'] }));
      const ofBoth = events.filter(({ stream }) => stream.tenantId === ours || stream.tenantId === theirs);
      expect(ofBoth.map(({ type }) => type)).toEqual(upTo(6).flatMap(() => ['Created', 'Changed']));
    });

    it('returns only events that match both tenant and types', async () => {
      const { log } = opened();
      const { after, ours } = await twoTenants(log);
      const events = eventsOf(await pagesOf(log, { after, limit: 100, tenantId: ours, types: ['ChangedAgain'] }));
      expect(events.map(({ type, data }) => [type, data['n']])).toEqual([0, 1, 2].map((n) => ['ChangedAgain', n]));
    });

    it('returns no events for an empty list of types', async () => {
      const { log } = opened();
      const { after } = await twoTenants(log);
      expect(eventsOf(await pagesOf(log, { after, limit: 100, types: [] }))).toEqual([]);
    });

    it.each([1, 2, 4, 9, 10, 1_000])('returns the same events by pages of %i', async (limit) => {
      const { log } = opened();
      const { after, ours, theirs } = await twoTenants(log);
      const whole = await allOf(log, ours);
      expect(eventsOf(await pagesOf(log, { after, limit, tenantId: ours }))).toEqual(whole);
      const all = eventsOf(await pagesOf(log, { after, limit }));
      expect(all.filter(({ stream }) => stream.tenantId === ours)).toEqual(whole);
      const typed = eventsOf(await pagesOf(log, { after, limit, tenantId: theirs, types: ['Created'] }));
      expect(typed).toHaveLength(3);
    });

    it('moves the position over events that do not match, and not beyond the head', async () => {
      const { log } = opened();
      const { ours, theirs } = await twoTenants(log);
      const head = await log.head();
      const pages = await pagesOf(log, { after: START, limit: 100, tenantId: randomUUID() });
      const next = await log.append(anAppend());
      expect(eventsOf(pages)).toEqual([]);
      const { position } = pages.at(-1) as Page;
      expect(position >= head && position < next.position).toBe(true);
      const lastOfTheirs = (await allOf(log, theirs)).at(-1) as RecordedEvent;
      const ended = (await pagesOf(log, { after: START, limit: 100, tenantId: ours })).at(-1) as Page;
      expect(ended.position >= lastOfTheirs.position).toBe(true);
    });

    it('can continue after any event', async () => {
      const { log } = opened();
      const { ours } = await twoTenants(log);
      const whole = await allOf(log, ours);
      for (let i = 0; i < whole.length; i++) {
        const after = (whole[i] as RecordedEvent).position;
        expect(ids(eventsOf(await pagesOf(log, { after, limit: 4, tenantId: ours })))).toEqual(ids(whole.slice(i + 1)));
      }
    });

    it('returns an empty page that has caught up at the head', async () => {
      const { log } = opened();
      const append = anAppend();
      await log.append(append);
      const after = await log.head();
      const tenantId = append.stream.tenantId as string;
      expect(await log.readAll({ after, limit: 5, tenantId })).toMatchObject({ events: [], caughtUp: true });
    });
  });

  describe('head', () => {
    it('is at or after every acknowledged event, and before the next event', async () => {
      const { log } = opened();
      const first = await log.append(anAppend());
      const head = await log.head();
      expect(head >= first.position).toBe(true);
      expect(head > START).toBe(true);
      expect((await log.append(anAppend())).position > head).toBe(true);
    });
  });

  it('ping resolves while the log is available', async () => {
    await opened().log.ping();
  });
};
