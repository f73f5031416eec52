import { randomUUID } from 'node:crypto';
import { sleep } from '#platform/loops/backoff';
import { type Append, AppendOutcomeUnknown, type AppendResult, type EventLog, LogUnavailable } from '../port';
import { allOf, anAppend, aStream, facts, follow, ids, type Opened, upTo } from './support';

/** Repeats the append until its outcome is known, as a caller does; 50 times at most. */
const appendUntilKnown = async (log: EventLog, append: Append): Promise<AppendResult> => {
  for (let tries = 1; ; tries++) {
    try {
      return await log.append(append);
    } catch (error) {
      const mayRepeat = error instanceof AppendOutcomeUnknown || error instanceof LogUnavailable;
      if (!mayRepeat || tries === 50) throw error;
      await sleep(50);
    }
  }
};

/** Repeats a read until the log is available; 50 times at most. */
const readWithRetries = async <T>(read: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof LogUnavailable) || tries === 50) throw error;
      await sleep(50);
    }
  }
};

export const failing = (opened: Opened): void => {
  describe('connections that are cut', () => {
    it('lose no acknowledged event and store none twice, and every unknown outcome can be determined', async () => {
      const { log, breakConnections } = opened();
      if (!breakConnections) return;
      const tenantId = randomUUID();
      const after = await readWithRetries(() => log.head());
      const total = 8 * 25 * 2;
      const following = follow(log, { after, tenantId }, (events) => events.length >= total);
      let writing = true;
      const cutting = (async () => {
        for (let n = 0; writing && n < 12; n++) {
          await sleep(60);
          await breakConnections();
        }
      })();
      const results = await Promise.all(
        upTo(8).map(async (_, writer) => {
          const stream = aStream(tenantId);
          for (let expected = 0; expected < 50; expected += 2) {
            // Every other writer lets the log determine the version.
            const append = anAppend({ stream, expected: writer % 2 ? expected : 'any', events: facts(2) });
            expect((await appendUntilKnown(log, append)).version).toBe(expected + 2);
          }
        }),
      );
      writing = false;
      await cutting;
      expect(results).toHaveLength(8);
      const truth = await readWithRetries(() => allOf(log, tenantId));
      expect(truth).toHaveLength(total);
      expect(new Set(ids(truth)).size).toBe(total);
      expect(ids((await following).events)).toEqual(ids(truth));
    });

    it('are replaced by the next call', async () => {
      const { log, breakConnections } = opened();
      if (!breakConnections) return;
      for (let n = 0; n < 3; n++) {
        await breakConnections();
        const append = anAppend();
        await appendUntilKnown(log, append);
        expect(await readWithRetries(() => log.readStream(append.stream))).toHaveLength(1);
        await breakConnections();
        await readWithRetries(() => log.ping());
      }
    });

    it('do not end a subscription', async () => {
      const { log, breakConnections } = opened();
      if (!breakConnections) return;
      const tenantId = randomUUID();
      const stream = aStream(tenantId);
      const after = await readWithRetries(() => log.head());
      const following = follow(log, { after, tenantId, pageSize: 3 }, (events) => events.length >= 20);
      for (let expected = 0; expected < 20; expected++) {
        await appendUntilKnown(log, anAppend({ stream, expected }));
        if (expected % 5 === 2) await breakConnections();
      }
      expect((await following).events.map(({ version }) => version)).toEqual(upTo(20));
    });
  });

  describe('close', () => {
    it('waits for appends in progress', async () => {
      const { log, reopen } = opened();
      if (!reopen) return;
      const second = await reopen();
      await second.ping();
      const appends = upTo(30).map(() => anAppend());
      const inFlight = appends.map((append) => second.append(append));
      await second.close();
      for (const result of await Promise.all(inFlight)) expect(result.version).toBe(1);
      for (const { stream } of appends) expect(await log.readStream(stream)).toHaveLength(1);
    });

    it('ends subscriptions without an error, and refuses later calls', async () => {
      const { log, reopen } = opened();
      if (!reopen) return;
      const second = await reopen();
      const ending = follow(second, { after: await log.head() }, () => false);
      await second.ping();
      await second.close();
      await ending;
      await second.close();
      const append = anAppend();
      await expect(second.append(append)).rejects.toBeInstanceOf(LogUnavailable);
      await expect(second.readStream(append.stream)).rejects.toBeInstanceOf(LogUnavailable);
      await expect(second.ping()).rejects.toBeInstanceOf(LogUnavailable);
      expect(await log.readStream(append.stream)).toEqual([]);
    });

    it('does not affect other instances in the process', async () => {
      const { log, reopen } = opened();
      if (!reopen) return;
      const second = await reopen();
      const appends = upTo(30).map(() => anAppend());
      const inFlight = appends.map((append) => log.append(append));
      await second.close();
      expect(await Promise.all(inFlight)).toHaveLength(30);
      expect(await log.append(anAppend())).toMatchObject({ version: 1 });
    });
  });
};
