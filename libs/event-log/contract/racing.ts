import { randomUUID } from 'node:crypto';
import { type EventLog, type RecordedEvent, WrongExpectedVersion } from '../port';
import type { StreamId } from '../stream-id';
import {
  allOf,
  anAppend,
  aStream,
  expectAscending,
  facts,
  follow,
  ids,
  type Opened,
  settle,
  upTo,
  versions,
} from './support';

/** Appends one event after another, reading the version again after each defeat. */
const contend = async (log: EventLog, stream: StreamId, rounds: number): Promise<number> => {
  let defeats = 0;
  for (let won = 0; won < rounds; ) {
    const expected = (await log.readStream(stream)).length;
    try {
      await log.append(anAppend({ stream, expected }));
      won++;
    } catch (error) {
      if (!(error instanceof WrongExpectedVersion)) throw error;
      defeats++;
    }
  }
  return defeats;
};

/** A version that is seen in a stream follows the one before it. */
const expectVersionsInOrder = (events: readonly RecordedEvent[]): void => {
  const seen = new Map<string, number>();
  for (const { stream, version } of events) {
    expect(version).toBe((seen.get(stream.id) ?? 0) + 1);
    seen.set(stream.id, version);
  }
};

export const racing = (opened: Opened): void => {
  describe('concurrent writers', () => {
    it('on one version of one stream: exactly one wins', async () => {
      const { log } = opened();
      const stream = aStream();
      for (const expected of [0, 2, 4]) {
        const { won, lost } = await settle(
          upTo(16).map(() => log.append(anAppend({ stream, expected, events: facts(2) }))),
        );
        expect(won).toMatchObject([{ version: expected + 2, repeated: false }]);
        expect(lost).toHaveLength(15);
        for (const error of lost) expect(error).toBeInstanceOf(WrongExpectedVersion);
      }
      expect(versions(await log.readStream(stream))).toEqual(upTo(6));
    });

    it('on one stream all come through in the end, each version once', async () => {
      const fixture = opened();
      const second = await fixture.reopen?.();
      try {
        const stream = aStream();
        await Promise.all(upTo(6).map((n) => contend(n % 2 ? fixture.log : (second ?? fixture.log), stream, 8)));
        expect(versions(await fixture.log.readStream(stream))).toEqual(upTo(48));
      } finally {
        await second?.close();
      }
    });

    it('that expect any all come through at once', async () => {
      const { log } = opened();
      const stream = aStream();
      const results = await Promise.all(
        upTo(30).map(() => log.append(anAppend({ stream, expected: 'any', events: facts(2) }))),
      );
      expect(results.map(({ version }) => version).sort((a, b) => a - b)).toEqual(upTo(30).map((n) => 2 * n));
      const events = await log.readStream(stream);
      expect(versions(events)).toEqual(upTo(60));
      // Atomic: the two events of an append are neighbours.
      for (let i = 0; i < 60; i += 2) expect(events[i + 1]?.commandId).toBe(events[i]?.commandId);
    });

    it('on many streams disturb nobody', async () => {
      const { log } = opened();
      const appends = upTo(200).map((n) => anAppend({ events: facts((n % 3) + 1) }));
      const results = await Promise.all(appends.map((append) => log.append(append)));
      expect(results.map(({ version }) => version)).toEqual(appends.map(({ events }) => events.length));
      expect(new Set(results.map(({ position }) => position)).size).toBe(200);
    });
  });

  describe('a reader next to writers', () => {
    it('sees every event once and in order, with no gap', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      const streams = upTo(8).map(() => aStream(tenantId));
      const perStream = 60;
      const after = await log.head();
      const subscribers = upTo(3).map((n) =>
        follow(
          log,
          { after, tenantId, ...(n === 1 ? { pageSize: 7 } : {}) },
          (events) => events.length >= 8 * perStream,
        ),
      );
      const unfiltered = follow(log, { after }, (events) => {
        return events.filter(({ stream }) => stream.tenantId === tenantId).length >= 8 * perStream;
      });
      await Promise.all(
        streams.map(async (stream) => {
          for (let expected = 0; expected < perStream; expected += 2) {
            await log.append(anAppend({ stream, expected, events: facts(2) }));
          }
        }),
      );
      const truth = await allOf(log, tenantId, 37);
      expect(truth).toHaveLength(8 * perStream);
      expectAscending(truth);
      expectVersionsInOrder(truth);
      for (const { events } of await Promise.all(subscribers)) expect(ids(events)).toEqual(ids(truth));
      const { events } = await unfiltered;
      expectAscending(events);
      expect(ids(events.filter(({ stream }) => stream.tenantId === tenantId))).toEqual(ids(truth));
    });

    it('that pages through the log while it grows misses nothing', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      const after = await log.head();
      let writing = true;
      const writers = Promise.all(
        upTo(10).map(async () => {
          for (let n = 0; n < 20; n++) await log.append(anAppend({ stream: aStream(tenantId) }));
        }),
      ).then(() => {
        writing = false;
      });
      const seen: RecordedEvent[] = [];
      let position = after;
      for (;;) {
        const over = !writing;
        const page = await log.readAll({ after: position, limit: 13 });
        seen.push(...page.events.filter(({ stream }) => stream.tenantId === tenantId));
        position = page.position;
        if (over && page.caughtUp) break;
      }
      await writers;
      expect(ids(seen)).toEqual(ids(await allOf(log, tenantId)));
      expect(seen).toHaveLength(200);
    });
  });
};
