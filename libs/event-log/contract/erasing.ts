import { randomUUID } from 'node:crypto';
import { sleep } from '#platform/loops/backoff';
import { type Append, InvalidAppend, type Page, type Position, START } from '../port';
import { allOf, anAppend, aStream, caughtUp, facts, follow, type Opened, upTo } from './support';

export const erasing = (opened: Opened): void => {
  describe('deleteTenant', () => {
    const aTenant = async (streams: number) => {
      const tenantId = randomUUID();
      const appends = upTo(streams).map((n) => anAppend({ stream: aStream(tenantId), events: facts(n) }));
      for (const append of appends) await opened().log.append(append);
      return { tenantId, appends };
    };

    it('removes every event of the tenant from all reads, and no event of others', async () => {
      const { log } = opened();
      const [erased, kept] = [await aTenant(5), await aTenant(3)];
      const user = anAppend({ stream: aStream(null, 'user') });
      await log.append(user);
      const before = await allOf(log, kept.tenantId);

      await log.deleteTenant(erased.tenantId);
      for (const { stream } of erased.appends) expect(await log.readStream(stream)).toEqual([]);
      expect(await allOf(log, erased.tenantId)).toEqual([]);
      expect(await allOf(log, kept.tenantId)).toEqual(before);
      expect(await log.readStream(user.stream)).toHaveLength(1);
    });

    it('can be repeated, and can be called for a tenant that never existed', async () => {
      const { log } = opened();
      const { tenantId, appends } = await aTenant(2);
      await log.deleteTenant(tenantId);
      await log.deleteTenant(tenantId);
      await Promise.all([log.deleteTenant(tenantId), log.deleteTenant(tenantId)]);
      await log.deleteTenant(randomUUID());
      expect(await log.readStream(appends[0]?.stream ?? aStream())).toEqual([]);
    });

    it('refuses every later append of the tenant, to an existing stream and to a new one', async () => {
      const { log } = opened();
      const [erased, kept] = [await aTenant(2), await aTenant(1)];
      await log.deleteTenant(erased.tenantId);
      const [old] = erased.appends;
      const late = [
        anAppend({ stream: aStream(erased.tenantId) }),
        anAppend({ stream: aStream(erased.tenantId), events: facts(3), expected: 'any' }),
        ...(old ? [{ ...old, commandId: randomUUID(), expected: 'any' as const }] : []),
      ];
      const others = upTo(20).map(() => anAppend({ stream: aStream(kept.tenantId) }));
      const refused = late.map((append) => expect(log.append(append)).rejects.toBeInstanceOf(InvalidAppend));
      const accepted = others.map((append) => expect(log.append(append)).resolves.toMatchObject({ version: 1 }));
      await Promise.all([...refused, ...accepted]);
      expect(await allOf(log, erased.tenantId)).toEqual([]);
    });

    it('also removes events that are appended while it runs', async () => {
      const { log } = opened();
      const { tenantId } = await aTenant(2);
      const writing = upTo(8).map(async () => {
        for (;;) {
          await log.append(anAppend({ stream: aStream(tenantId) }));
          await new Promise(setImmediate);
        }
      });
      const refused = writing.map((writer) => expect(writer).rejects.toBeInstanceOf(InvalidAppend));
      await new Promise(setImmediate);
      await log.deleteTenant(tenantId);
      await Promise.all(refused);
      expect(await allOf(log, tenantId)).toEqual([]);
    });

    it('disturbs no subscription, neither a live one nor one that begins afterwards', async () => {
      const { log } = opened();
      const after = await log.head();
      const [erased, kept] = [await aTenant(4), await aTenant(2)];
      const live = follow(log, { after }, (events) => events.some(({ type }) => type === 'AfterTheErasure'));
      await log.deleteTenant(erased.tenantId);
      const last = anAppend({ stream: aStream(kept.tenantId), events: facts(1, 'AfterTheErasure') });
      await log.append(last);
      expect((await live).events.filter(({ stream }) => stream.tenantId === kept.tenantId)).toHaveLength(4);

      const head = await log.head();
      const ofErased = await follow(log, { after: START, tenantId: erased.tenantId }, caughtUp);
      expect(ofErased.events).toEqual([]);
      expect((ofErased.pages.at(-1) as Page).position >= head).toBe(true);
      const all = await follow(log, { after }, caughtUp);
      expect(all.events.filter(({ stream }) => stream.tenantId === erased.tenantId)).toEqual([]);
      expect(all.events.filter(({ stream }) => stream.tenantId === kept.tenantId)).toHaveLength(4);
      const page = await log.readAll({ after, limit: 10_000 });
      expect(page.events.filter(({ stream }) => stream.tenantId === erased.tenantId)).toEqual([]);
    });

    it('leaves a head that a live subscription reaches even if no event is appended after the erasure', async () => {
      const { log } = opened();
      const after = await log.head();
      const { tenantId, appends } = await aTenant(3);
      const last = await log.append(anAppend());
      const leaving = new AbortController();
      let reached = after;
      const reading = follow(log, { after, types: ['ThingHappened'], signal: leaving.signal }, (_, { position }) => {
        reached = position;
        return false;
      });
      const untilReached = async (position: Position): Promise<void> => {
        while (reached < position) await sleep(10);
      };
      await untilReached(last.position);
      await log.deleteTenant(tenantId);
      expect(await log.readStream((appends[0] as Append).stream)).toEqual([]);
      await untilReached(await log.head());
      leaving.abort();
      await reading;
    });

    it('takes effect in every process', async () => {
      const { log, reopen } = opened();
      const second = await reopen?.();
      try {
        const { tenantId, appends } = await aTenant(2);
        if (second) expect(await allOf(second, tenantId)).toHaveLength(3);
        await log.deleteTenant(tenantId);
        if (second) expect(await allOf(second, tenantId)).toEqual([]);
        for (const { stream } of appends) expect(await (second ?? log).readStream(stream)).toEqual([]);
        const late = anAppend({ stream: aStream(tenantId) });
        await expect((second ?? log).append(late)).rejects.toBeInstanceOf(InvalidAppend);
      } finally {
        await second?.close();
      }
    });
  });
};
