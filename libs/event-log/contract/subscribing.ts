import { randomUUID } from 'node:crypto';
import { sleep } from '#platform/loops/backoff';
import { type Page, type Position, type RecordedEvent, START } from '../port';
import { allOf, anAppend, aStream, caughtUp, facts, follow, ids, type Opened, upTo } from './support';

export const subscribing = (opened: Opened): void => {
  describe('subscribe', () => {
    const appendOf = async (tenantId: string, count: number, type?: string): Promise<void> => {
      const { log } = opened();
      for (let n = 0; n < count; n++) await log.append(anAppend({ stream: aStream(tenantId), events: facts(1, type) }));
    };

    it('yields the stored events, reports that it has caught up, then yields new events', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      await appendOf(tenantId, 5);
      const countsWhenCaughtUp: number[] = [];
      let more: Promise<void> | undefined;
      const { events } = await follow(log, { after: START, tenantId }, (seen, page) => {
        if (page.caughtUp) countsWhenCaughtUp.push(seen.length);
        if (page.caughtUp && !more) more = appendOf(tenantId, 5);
        return seen.length === 10;
      });
      await more;
      expect(countsWhenCaughtUp[0]).toBe(5);
      expect(ids(events)).toEqual(ids(await allOf(log, tenantId)));
    });

    it('moves its position over each new event of another type', async () => {
      const { log } = opened();
      const types = [`Wanted${randomUUID().slice(0, 8)}`];
      for (let round = 0; round < 3; round++) {
        let other: Position | undefined;
        const after = await log.head();
        await follow(log, { after, types }, (_, page) => {
          if (page.caughtUp && other === undefined) {
            other = after + 2n ** 62n;
            void log.append(anAppend()).then(({ position }) => {
              other = position;
            });
          }
          return other !== undefined && page.position >= other;
        });
      }
    });

    it('begins after the given position', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      await appendOf(tenantId, 6);
      const whole = await allOf(log, tenantId);
      const { events } = await follow(log, { after: (whole[2] as RecordedEvent).position, tenantId }, caughtUp);
      expect(ids(events)).toEqual(ids(whole.slice(3)));
    });

    it('can be resumed after any page, without a gap or a repeat', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      const after = await log.head();
      await appendOf(tenantId, 9);
      const seen: RecordedEvent[] = [];
      let position: Position = after;
      while (seen.length < 9) {
        const { events, pages } = await follow(
          log,
          { after: position, tenantId, pageSize: 2 },
          (some) => some.length > 0,
        );
        expect(events.length).toBeLessThanOrEqual(2);
        seen.push(...events);
        position = (pages.at(-1) as Page).position;
      }
      expect(ids(seen)).toEqual(ids(await allOf(log, tenantId)));
    });

    it('reports that it has caught up even if no event matches, at a position before the next event', async () => {
      const { log } = opened();
      await appendOf(randomUUID(), 3);
      for (const filter of [{ tenantId: randomUUID() }, { types: ['NoSuchThing'] }, { types: [] }]) {
        const head = await log.head();
        const { events, pages } = await follow(log, { after: START, ...filter }, caughtUp);
        const next = await log.append(anAppend());
        expect(events).toEqual([]);
        const { position } = pages.at(-1) as Page;
        expect(position >= head && position < next.position).toBe(true);
      }
    });

    it('yields only events of the requested tenant and types, also among new events', async () => {
      const { log } = opened();
      const [ours, theirs] = [randomUUID(), randomUUID()];
      const after = await log.head();
      const both = follow(log, { after, tenantId: ours, types: ['Kept'] }, (events) => events.length === 4);
      const byType = follow(log, { after, types: ['Kept'] }, (events) => {
        return (
          events.filter(({ stream }) => ([ours, theirs] as (string | null)[]).includes(stream.tenantId)).length === 8
        );
      });
      for (const [tenantId, type] of upTo(4).flatMap(
        () =>
          [
            [ours, 'Kept'],
            [theirs, 'Kept'],
            [ours, 'KeptOut'],
          ] as const,
      )) {
        await appendOf(tenantId, 1, type);
      }
      const { events } = await both;
      expect(events.every(({ stream, type }) => stream.tenantId === ours && type === 'Kept')).toBe(true);
      expect((await byType).events.every(({ type }) => type === 'Kept')).toBe(true);
    });

    it.each([2, 7, 12, 30])(
      'never reports the position of an event before it has yielded the event (%i events)',
      async (count) => {
        const { log } = opened();
        const tenantId = randomUUID();
        const after = await log.head();
        await appendOf(tenantId, count);
        for (const filter of [{}, { tenantId }]) {
          let position = after;
          for await (const page of log.subscribe({ after, ...filter, pageSize: 3 })) {
            expect(page.events.length).toBeLessThanOrEqual(3);
            expect(page.position >= position).toBe(true);
            for (const event of page.events) {
              expect(event.position > position && event.position <= page.position).toBe(true);
            }
            position = page.position;
            if (page.caughtUp) break;
            // In this time, all other events arrive from the server.
            await sleep(15);
          }
        }
      },
    );

    it('yields every event to a consumer that is slower than the writers', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      const stream = aStream(tenantId);
      const after = await log.head();
      const reading = (async () => {
        const seen: RecordedEvent[] = [];
        for await (const { events } of log.subscribe({ after, tenantId, pageSize: 50 })) {
          seen.push(...events);
          if (seen.length === 1_500) return seen;
          await sleep(5);
        }
        return seen;
      })();
      for (let expected = 0; expected < 1_500; expected += 100)
        await log.append(anAppend({ stream, expected, events: facts(100) }));
      const seen = await reading;
      expect(seen.map(({ version }) => version)).toEqual(upTo(1_500));
    });

    it('ends without an error when the signal aborts: before, while waiting, between pages', async () => {
      const { log } = opened();
      await appendOf(randomUUID(), 2);
      const never = await follow(log, { after: START, signal: AbortSignal.abort() }, () => false);
      expect(never.pages).toEqual([]);

      const waiting = new AbortController();
      const live = follow(log, { after: START, tenantId: randomUUID(), signal: waiting.signal }, (_, page) => {
        if (page.caughtUp) setTimeout(() => waiting.abort(), 20);
        return false;
      });
      await live;

      const between = new AbortController();
      let pages = 0;
      for await (const _ of log.subscribe({ after: START, pageSize: 1, signal: between.signal })) {
        pages++;
        between.abort();
      }
      expect(pages).toBe(1);
    });

    it('may be ended by its consumer at any time', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      await appendOf(tenantId, 3);
      for (let n = 0; n < 20; n++) await follow(log, { after: START, tenantId, pageSize: 1 }, () => true);
      await expect(
        follow(log, { after: START, tenantId }, () => {
          throw new Error('the consumer failed');
        }),
      ).rejects.toThrow('the consumer failed');
      const { events } = await follow(log, { after: START, tenantId }, caughtUp);
      expect(events).toHaveLength(3);
    });

    it('may run several times at once, each time from another position', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      await appendOf(tenantId, 8);
      const whole = await allOf(log, tenantId);
      const results = await Promise.all(
        whole.map((event) => follow(log, { after: event.position, tenantId }, (_, page) => page.caughtUp)),
      );
      results.forEach(({ events }, n) => {
        expect(ids(events)).toEqual(ids(whole.slice(n + 1)));
      });
    });
  });
};
