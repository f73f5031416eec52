import { randomUUID } from 'node:crypto';
import { WrongExpectedVersion } from '../port';
import { anAppend, aStream, facts, follow, ids, type Opened, withSecond } from './support';

export const identifying = (opened: Opened): void => {
  describe('the identity of the log', () => {
    it('is the same in every process, even if several calls read it for the first time', async () => {
      const { log } = opened();
      const identities = await Promise.all([log.identity(), log.identity(), log.identity()]);
      const [first] = identities;
      expect(first?.logId).toMatch(/^[0-9a-f-]{36}$/);
      expect(identities).toEqual([first, first, first]);
      await withSecond(opened(), async (second) => expect(await second.identity()).toEqual(first));
    });
  });

  describe('a mark', () => {
    it('identifies the last event of the log, or the last event at or before a position', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      const stream = aStream(tenantId);
      const commandId = randomUUID();
      const { position } = await log.append(anAppend({ stream, events: facts(3), commandId }));
      const [, second, third] = await log.readStream(stream);
      await log.append(anAppend());
      expect(await log.lastEvent(position)).toEqual({ position, eventId: third?.id, commandId, tenantId });
      expect((await log.lastEvent(second?.position))?.eventId).toBe(second?.id);
      expect((await log.lastEvent())?.position).toBeGreaterThan(position);
    });

    it('is missing if the log holds another event, or no event, at its position', async () => {
      const { log } = opened();
      const { position } = await log.append(anAppend({ events: facts(2) }));
      const stored = await log.lastEvent(position);
      if (!stored) throw new Error('the log does not have the event that was just appended');
      const another = { ...stored, eventId: randomUUID() };
      const beyond = { ...stored, position: position + 1_000_000n };
      expect(await log.missing([])).toEqual([]);
      expect(await log.missing([stored, another, beyond])).toEqual([another, beyond]);
    });

    it('is not missing if its tenant was erased', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      const { position } = await log.append(anAppend({ stream: aStream(tenantId) }));
      const mark = await log.lastEvent(position);
      if (!mark) throw new Error('the event that was just appended is not there');
      await log.deleteTenant(tenantId);
      expect(await log.missing([mark])).toEqual([]);
    });

    it('is part of each page that ends at an event', async () => {
      const { log } = opened();
      const after = await log.head();
      const append = anAppend({ events: facts(3, 'Marked') });
      const { position } = await log.append(append);
      const { events, pages } = await follow(log, { after, types: ['Marked'] }, (seen) => seen.length === 3);
      expect(events).toHaveLength(3);
      expect(pages.at(-1)?.last).toMatchObject({ position, eventId: ids(events).at(-1), commandId: append.commandId });
    });
  });

  describe('an expected version', () => {
    it('is accepted together with the command of the event at that version', async () => {
      const { log } = opened();
      const first = anAppend({ events: facts(2) });
      await log.append(first);
      const { stream, commandId } = first;
      const next = anAppend({ stream, expected: 2, expectedCommandId: commandId });
      expect(await log.append(next)).toMatchObject({ version: 3, repeated: false });
      const third = anAppend({ stream, expected: 3, expectedCommandId: next.commandId, events: facts(2) });
      expect(await log.append(third)).toMatchObject({ version: 5, repeated: false });
    });

    it('is refused if the stream is at another version, whatever the command', async () => {
      const { log } = opened();
      const first = anAppend({ events: facts(2) });
      await log.append(first);
      const append = anAppend({ stream: first.stream, expected: 1, expectedCommandId: first.commandId });
      await expect(log.append(append)).rejects.toBeInstanceOf(WrongExpectedVersion);
    });
  });
};
