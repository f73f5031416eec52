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

/** Appends events one after the other, and reads the version again after each conflict. */
const appendInCompetition = async (log: EventLog, stream: StreamId, rounds: number): Promise<void> => {
  for (let appended = 0; appended < rounds; ) {
    const expected = (await log.readStream(stream)).length;
    try {
      await log.append(anAppend({ stream, expected }));
      appended++;
    } catch (error) {
      if (!(error instanceof WrongExpectedVersion)) throw error;
    }
  }
};

/** Requires that the versions of each stream have no gap and are in order. */
const expectVersionsInOrder = (events: readonly RecordedEvent[]): void => {
  const seen = new Map<string, number>();
  for (const { stream, version } of events) {
    expect(version).toBe((seen.get(stream.id) ?? 0) + 1);
    seen.set(stream.id, version);
  }
};

export const racing = (opened: Opened): void => {
  describe('concurrent writers', () => {
    it('that expect the same version of a stream: exactly one succeeds', async () => {
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

    it('to one stream all succeed in the end, and store each version once', async () => {
      const fixture = opened();
      const second = await fixture.reopen?.();
      try {
        const stream = aStream();
        await Promise.all(
          upTo(6).map((n) => appendInCompetition(n % 2 ? fixture.log : (second ?? fixture.log), stream, 8)),
        );
        expect(versions(await fixture.log.readStream(stream))).toEqual(upTo(48));
      } finally {
        await second?.close();
      }
    });

    it('that expect `any` all succeed at the first attempt', async () => {
      const { log } = opened();
      const stream = aStream();
      const results = await Promise.all(
        upTo(30).map(() => log.append(anAppend({ stream, expected: 'any', events: facts(2) }))),
      );
      expect(results.map(({ version }) => version).sort((a, b) => a - b)).toEqual(upTo(30).map((n) => 2 * n));
      const events = await log.readStream(stream);
      expect(versions(events)).toEqual(upTo(60));
      // The appends are atomic: the two events of each append are adjacent.
      for (let i = 0; i < 60; i += 2) expect(events[i + 1]?.commandId).toBe(events[i]?.commandId);
    });

    it('to different streams do not conflict', async () => {
      const { log } = opened();
      const appends = upTo(200).map((n) => anAppend({ events: facts((n % 3) + 1) }));
      const results = await Promise.all(appends.map((append) => log.append(append)));
      expect(results.map(({ version }) => version)).toEqual(appends.map(({ events }) => events.length));
      expect(new Set(results.map(({ position }) => position)).size).toBe(200);
    });
  });

  describe('a reader beside concurrent writers', () => {
    it('receives every event once and in order, without a gap', async () => {
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

    it('that reads the log by pages while it grows misses no event', async () => {
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
        const writersDone = !writing;
        const page = await log.readAll({ after: position, limit: 13 });
        seen.push(...page.events.filter(({ stream }) => stream.tenantId === tenantId));
        position = page.position;
        if (writersDone && page.caughtUp) break;
      }
      await writers;
      expect(ids(seen)).toEqual(ids(await allOf(log, tenantId)));
      expect(seen).toHaveLength(200);
    });
  });
};
