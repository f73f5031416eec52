import { randomUUID } from 'node:crypto';
import { uuidv7 } from '#platform/ids/uuid';
import type { AppendResult } from '../port';
import { anAppend, aStream, facts, type Opened, upTo, versions, withSecond } from './support';

const repeatOf = (first: AppendResult): AppendResult => ({ ...first, repeated: true });
/** A UUIDv7 of a minute ago. The generator never goes back in time, so the time is replaced afterwards. */
const aMinuteOldId = (): string => {
  const time = (Date.now() - 60_000).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-${uuidv7().slice(14)}`;
};

export const repeating = (opened: Opened): void => {
  describe.each([
    ['a new UUIDv7', () => uuidv7()],
    ['an older UUIDv7', aMinuteOldId],
    ['a random UUID', () => randomUUID()],
  ])('a repeat of a command that is %s', (_, commandId) => {
    it('returns the result of the first append', async () => {
      const { log } = opened();
      const append = anAppend({ commandId: commandId(), events: facts(3) });
      const first = await log.append(append);
      expect(first).toMatchObject({ version: 3, repeated: false });
      expect(await log.append(append)).toEqual(repeatOf(first));
      expect(await log.readStream(append.stream)).toHaveLength(3);
    });

    it('returns it after other appends, too, whatever version the repeat expects', async () => {
      const { log } = opened();
      const stream = aStream();
      await log.append(anAppend({ stream, events: facts(2) }));
      const append = anAppend({ stream, expected: 2, commandId: commandId(), events: facts(2) });
      const first = await log.append(append);
      await log.append(anAppend({ stream, expected: 4, events: facts(3) }));
      for (const expected of [2, 7, 'any', 0, 4, 3, 99] as const) {
        expect(await log.append({ ...append, expected })).toEqual(repeatOf(first));
      }
      expect(versions(await log.readStream(stream))).toEqual(upTo(7));
    });

    it('returns it, too, if the repeat expects the present version of the stream', async () => {
      const { log } = opened();
      const append = anAppend({ commandId: commandId() });
      const first = await log.append(append);
      expect(await log.append({ ...append, expected: 1 })).toEqual(repeatOf(first));
      expect(await log.readStream(append.stream)).toHaveLength(1);
    });

    it('returns it, too, if both expected `any`', async () => {
      const { log } = opened();
      const stream = aStream();
      await log.append(anAppend({ stream, expected: 'any' }));
      const append = anAppend({ stream, expected: 'any', commandId: commandId(), events: facts(2) });
      const first = await log.append(append);
      await log.append(anAppend({ stream, expected: 'any' }));
      expect(await log.append(append)).toEqual(repeatOf(first));
      expect(await log.readStream(stream)).toHaveLength(4);
    });

    it.each([0, 'any'] as const)(
      'stores the append once if many callers send it at the same time (expected version: %s)',
      async (expected) => {
        const { log } = opened();
        const append = anAppend({ commandId: commandId(), expected, events: facts(3) });
        const results = await Promise.all(upTo(12).map(() => log.append(append)));
        expect(results.filter(({ repeated }) => !repeated)).toHaveLength(1);
        for (const { version, position } of results) {
          expect({ version, position }).toEqual({ version: 3, position: results[0]?.position });
        }
        expect(await log.readStream(append.stream)).toHaveLength(3);
      },
    );

    it('is recognised by another process, whatever version it expects', async () => {
      const { log } = opened();
      await withSecond(opened(), async (second) => {
        const stream = aStream();
        await log.append(anAppend({ stream, events: facts(2) }));
        const append = anAppend({ stream, expected: 2, commandId: commandId(), events: facts(2) });
        const first = await log.append(append);
        await log.append(anAppend({ stream, expected: 4, events: facts(3) }));
        for (const expected of [7, 'any', 2, 0, 99] as const) {
          expect(await second.append({ ...append, expected })).toEqual(repeatOf(first));
        }
        expect(versions(await second.readStream(stream))).toEqual(upTo(7));
      });
    });

    it('is stored once if several processes append it at the same time', async () => {
      const { log } = opened();
      await withSecond(opened(), async (second) => {
        for (const expected of [0, 'any'] as const) {
          const append = anAppend({ commandId: commandId(), expected, events: facts(2) });
          const results = await Promise.all(upTo(6).map((n) => (n % 2 ? log : second).append(append)));
          for (const { version, position } of results) {
            expect({ version, position }).toEqual({ version: 2, position: results[0]?.position });
          }
          expect(await log.readStream(append.stream)).toHaveLength(2);
        }
      });
    });
  });

  it('a repeat of an older command by another process is reported as a repeat', async () => {
    await withSecond(opened(), async (second) => {
      const append = anAppend({ commandId: aMinuteOldId() });
      const first = await opened().log.append(append);
      expect(await second.append(append)).toEqual(repeatOf(first));
    });
  });
};
