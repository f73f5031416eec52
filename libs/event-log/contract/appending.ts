import { randomUUID } from 'node:crypto';
import { uuidv7 } from '#platform/ids/uuid';
import { eventId } from '../event-id';
import { type Actor, type JsonObject, type RecordedEvent, WrongExpectedVersion } from '../port';
import { allOf, anAppend, aStream, facts, fields, type Opened, upTo, versions } from './support';

const unusualData: JsonObject = {
  text: 'Grüße, Żółć, 日本語, 𝄞🚀, "quotes", back\\slash, \\u0000 as text',
  nested: {
    list: [1, -2.5, 1e-7, true, false, null, [], {}, [[['deep']]]],
    empty: '',
    'ключ 🗝': { a: { b: { c: [0] } } },
  },
  big: Number.MAX_SAFE_INTEGER,
  controls: '\u0001\u001f\u007f\u2028\u2029\t\r\n',
};

export const appending = (opened: Opened): void => {
  describe('append', () => {
    it('stores every field, and a read returns it', async () => {
      const { log } = opened();
      const tenantId = randomUUID();
      const [user, causationId, accessId, commandId] = [randomUUID(), randomUUID(), randomUUID(), uuidv7()];
      const append = anAppend({
        stream: aStream(tenantId),
        events: [
          { type: 'FirstThing', data: { a: 1 } },
          { type: 'SecondThing', data: {} },
        ],
        commandId,
        actor: { kind: 'user', id: user },
        correlationId: 'request:A-Z_0.9',
        causationId,
        accessId,
      });
      const before = Date.now();
      const result = await log.append(append);
      expect(result).toEqual({ version: 2, position: expect.any(BigInt), repeated: false });

      const events = await log.readStream(append.stream);
      const common = {
        stream: append.stream,
        commandId,
        actor: { kind: 'user', id: user },
        correlationId: 'request:A-Z_0.9',
        causationId,
        accessId,
        schemaVersion: 1,
        position: expect.any(BigInt),
        recordedAt: expect.any(Date),
      };
      expect(events.map(fields)).toEqual([
        { ...common, id: eventId(commandId, 0), version: 1, type: 'FirstThing', data: { a: 1 } },
        { ...common, id: eventId(commandId, 1), version: 2, type: 'SecondThing', data: {} },
      ]);
      expect(events[1]?.position).toBe(result.position);
      // The time may come from the clock of another machine: the tolerance of a day only proves that the unit is right.
      for (const { recordedAt } of events) expect(Math.abs(recordedAt.getTime() - before)).toBeLessThan(86_400_000);
      expect((await allOf(log, tenantId)).map(fields)).toEqual(events.map(fields));
    });

    it.each<Actor>([{ kind: 'operator', id: randomUUID() }, { kind: 'stripe' }, { kind: 'system' }])(
      'stores the actor %j',
      async (actor) => {
        const { log } = opened();
        const append = anAppend({ actor });
        await log.append(append);
        expect((await log.readStream(append.stream))[0]?.actor).toEqual(actor);
      },
    );

    it('stores the command id as the causation id by default', async () => {
      const { log } = opened();
      const append = anAppend();
      await log.append(append);
      expect((await log.readStream(append.stream))[0]?.causationId).toBe(append.commandId);
    });

    it('stores no access id by default, also in one batch with appends that have one', async () => {
      const { log } = opened();
      const accessIds = [undefined, randomUUID(), undefined, randomUUID()];
      const appends = accessIds.map((accessId, at) =>
        anAppend({ events: facts(1 + at), ...(accessId !== undefined && { accessId }) }),
      );
      await Promise.all(appends.map((append) => log.append(append)));
      for (const [at, { stream, events }] of appends.entries()) {
        const stored = await log.readStream(stream);
        expect(stored.map(({ accessId }) => accessId)).toEqual(events.map(() => accessIds[at] ?? null));
      }
    });

    it('stores streams outside tenants', async () => {
      const { log } = opened();
      const stream = aStream(null, 'user');
      await log.append(anAppend({ stream }));
      expect((await log.readStream(stream))[0]?.stream).toEqual(stream);
    });

    it('stores every JSON value without a change', async () => {
      const { log } = opened();
      const append = anAppend({ events: [{ type: 'ThingHappened', data: unusualData }] });
      await log.append(append);
      expect((await log.readStream(append.stream))[0]?.data).toEqual(unusualData);
    });

    it('is not affected by later changes to its argument or to the events that a read returned', async () => {
      const { log } = opened();
      const data = { list: [1] };
      const append = anAppend({ events: [{ type: 'ThingHappened', data }] });
      await log.append(append);
      data.list.push(2);
      const first = (await log.readStream(append.stream))[0] as RecordedEvent;
      expect(first.data).toEqual({ list: [1] });
      (first.data['list'] as number[]).push(3);
      expect((await log.readStream(append.stream))[0]?.data).toEqual({ list: [1] });
    });

    it('stores many events atomically and numbers them from 1', async () => {
      const { log } = opened();
      const stream = aStream();
      expect((await log.append(anAppend({ stream, events: facts(3) }))).version).toBe(3);
      expect((await log.append(anAppend({ stream, expected: 3, events: facts(40) }))).version).toBe(43);
      const events = await log.readStream(stream);
      expect(versions(events)).toEqual(upTo(43));
      expect(events.slice(3).map(({ data }) => data['n'])).toEqual(upTo(40).map((n) => n - 1));
    });
  });

  describe('expected version', () => {
    it('of 0 is refused for a stream that exists already, and nothing is written', async () => {
      const { log } = opened();
      const stream = aStream();
      await log.append(anAppend({ stream, events: facts(2) }));
      const refused = await log.append(anAppend({ stream, events: facts(5) })).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(WrongExpectedVersion);
      expect(refused).toMatchObject({ name: 'WrongExpectedVersion', stream, expected: 0 });
      expect([2, undefined]).toContain((refused as WrongExpectedVersion).actual);
      expect(await log.readStream(stream)).toHaveLength(2);
    });

    it.each([1, 3, 500])('of %i is refused if the stream is at version 2', async (expected) => {
      const { log } = opened();
      const stream = aStream();
      await log.append(anAppend({ stream, events: facts(2) }));
      await expect(log.append(anAppend({ stream, expected }))).rejects.toBeInstanceOf(WrongExpectedVersion);
      expect(await log.readStream(stream)).toHaveLength(2);
    });

    it('above 0 is refused for a stream that does not exist', async () => {
      const { log } = opened();
      const append = anAppend({ expected: 1 });
      const refused = await log.append(append).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(WrongExpectedVersion);
      expect([0, undefined]).toContain((refused as WrongExpectedVersion).actual);
      expect(await log.readStream(append.stream)).toEqual([]);
    });

    it('that was wrong does not prevent a second attempt with the right version', async () => {
      const { log } = opened();
      const stream = aStream();
      await log.append(anAppend({ stream, events: facts(2) }));
      const outdated = anAppend({ stream, expected: 1 });
      await expect(log.append(outdated)).rejects.toBeInstanceOf(WrongExpectedVersion);
      expect(await log.append({ ...outdated, expected: 2 })).toMatchObject({ version: 3, repeated: false });
    });

    it('of `any` is accepted whether the stream exists or not', async () => {
      const { log } = opened();
      const stream = aStream();
      for (const version of [1, 2, 3]) {
        expect(await log.append(anAppend({ stream, expected: 'any' }))).toMatchObject({ version, repeated: false });
      }
      expect(await log.append(anAppend({ stream, expected: 3 }))).toMatchObject({ version: 4 });
      expect(versions(await log.readStream(stream))).toEqual(upTo(4));
    });
  });
};
