import { randomUUID } from 'node:crypto';
import { START } from '../port';
import type { Upcasters } from '../upcasting';
import { anAppend, aStream, caughtUp, follow, type Opened, withSecond } from './support';

export const upcasting = (opened: Opened): void => {
  describe('an event of an older schema version', () => {
    const type = `Renamed${randomUUID().slice(0, 8)}`;
    const upcasters: Upcasters = {
      [type]: [({ name, ...rest }) => ({ ...rest, title: name ?? null }), (data) => ({ ...data, colour: 'none' })],
    };
    const now = { title: 'Roadmap', colour: 'none' };

    it('is read as the current version has it, by every way of reading', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      const append = anAppend({ stream: aStream(tenantId), events: [{ type, data: { name: 'Roadmap' } }] });
      await log.append(append);
      await withSecond(
        opened(),
        async (second) => {
          const expected = [expect.objectContaining({ type, data: now, schemaVersion: 3 })];
          expect(await second.readStream(append.stream)).toEqual(expected);
          expect((await second.readAll({ after: START, limit: 10, tenantId })).events).toEqual(expected);
          expect((await follow(second, { after: START, tenantId }, caughtUp)).events).toEqual(expected);
        },
        { upcasters },
      );
      expect((await log.readStream(append.stream))[0]).toMatchObject({ data: { name: 'Roadmap' }, schemaVersion: 1 });
    });

    it('is written in the current version and then read as it is', async () => {
      await withSecond(
        opened(),
        async (second) => {
          const append = anAppend({ events: [{ type, data: now }] });
          await second.append(append);
          expect((await second.readStream(append.stream))[0]).toMatchObject({ data: now, schemaVersion: 3 });
        },
        { upcasters },
      );
    });

    it('is refused, by name, where it is newer than this release knows', async () => {
      const { log } = opened();
      const append = anAppend({ stream: aStream(), events: [{ type, data: now }] });
      await withSecond(
        opened(),
        async (second) => {
          await second.append(append);
        },
        { upcasters },
      );
      const { reopen } = opened();
      if (!reopen) return;
      const refusal = { name: 'UnknownSchemaVersion', type, stored: 3, known: 1 };
      const tenantId = append.stream.tenantId as string;
      await expect(log.readStream(append.stream)).rejects.toMatchObject(refusal);
      await expect(log.readAll({ after: START, limit: 10, tenantId })).rejects.toMatchObject(refusal);
      await expect(follow(log, { after: START, tenantId }, caughtUp)).rejects.toMatchObject(refusal);
      // No reader of a store that outlives the suite is to stumble over it.
      await log.deleteTenant(tenantId);
      expect(await log.readStream(append.stream)).toEqual([]);
    });
  });
};
