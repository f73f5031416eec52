import { randomUUID } from 'node:crypto';
import { type RecordedEvent, START } from '../port';
import type { Upcasters } from '../upcasting';
import { anAppend, aStream, caughtUp, follow, type Opened, withSecond } from './support';

export const upcasting = (opened: Opened): void => {
  describe('upcasting', () => {
    const type = `Renamed${randomUUID().slice(0, 8)}`;
    const upcasters: Upcasters = {
      [type]: [({ name, ...rest }) => ({ ...rest, title: name ?? null }), (data) => ({ ...data, colour: 'none' })],
    };
    const current = { title: 'Roadmap', colour: 'none' };

    it('converts an event of an older schema version to the current one in every kind of read', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      const append = anAppend({ stream: aStream(tenantId), events: [{ type, data: { name: 'Roadmap' } }] });
      await log.append(append);
      await withSecond(
        opened(),
        async (second) => {
          const expected = [expect.objectContaining({ type, data: current, schemaVersion: 3 })];
          expect(await second.readStream(append.stream)).toEqual(expected);
          expect((await second.readAll({ after: START, limit: 10, tenantId })).events).toEqual(expected);
          expect((await follow(second, { after: START, tenantId }, caughtUp)).events).toEqual(expected);
        },
        { upcasters },
      );
      expect((await log.readStream(append.stream))[0]).toMatchObject({ data: { name: 'Roadmap' }, schemaVersion: 1 });
    });

    it('does not change an event that was stored in the current version', async () => {
      await withSecond(
        opened(),
        async (second) => {
          const append = anAppend({ events: [{ type, data: current }] });
          await second.append(append);
          expect((await second.readStream(append.stream))[0]).toMatchObject({ data: current, schemaVersion: 3 });
        },
        { upcasters },
      );
    });

    it('does not stop the read of an event that is newer than this release knows; only its data throws', async () => {
      const { log } = opened();
      const append = anAppend({ stream: aStream(), events: [{ type, data: current }] });
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
      const known = anAppend({ stream: aStream(tenantId), events: [{ type: 'Known', data: current }] });
      await log.append(known);
      const requireRefused = ([newer, other]: readonly RecordedEvent[]): void => {
        expect(newer).toMatchObject({ type, schemaVersion: 3, undecodable: refusal });
        expect(() => newer?.data).toThrow(expect.objectContaining(refusal));
        if (other) expect(other.undecodable).toBeUndefined();
      };
      requireRefused(await log.readStream(append.stream));
      const { events: page } = await log.readAll({ after: START, limit: 10, tenantId });
      expect(page).toHaveLength(2);
      requireRefused(page);
      requireRefused((await follow(log, { after: START, tenantId }, caughtUp)).events);
      // The store may be used after this suite: its other readers must not receive this event.
      await log.deleteTenant(tenantId);
      expect(await log.readStream(append.stream)).toEqual([]);
    });
  });
};
