import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { anAppend, aStream, caughtUp, facts, follow, ids, upTo } from '#event-log/contract/support';
import { type RecordedEvent, START } from '#event-log/port';
import { streamName } from '#event-log/stream-id';
import { sleep } from '#platform/loops/backoff';
import { IMPATIENT, scripted, until, withoutStrayErrors } from './support';

describe('a subscription', () => {
  const given = scripted(IMPATIENT);

  const appendTo = async (tenantId: string, count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await given().log.append(anAppend({ stream: aStream(tenantId) }));
  };

  /** Follows one tenant until it has `count` events, and lets `between` happen after each. */
  const survive = async (count: number, between: (n: number) => Promise<void> | void): Promise<void> => {
    const { log } = given();
    const tenantId = randomUUID();
    const following = follow(log, { after: START, tenantId }, (events) => events.length >= count);
    for (let n = 0; n < count; n++) {
      await appendTo(tenantId, 1);
      await between(n);
    }
    const { events } = await following;
    const truth = await log.readAll({ after: START, limit: 1_000, tenantId });
    expect(ids(events)).toEqual(ids(truth.events));
  };

  it.each([
    ['cancelled', status.CANCELLED],
    ['unavailable', status.UNAVAILABLE],
    ['unknown', status.UNKNOWN],
    ['internal', status.INTERNAL],
  ])('that the server ends as %s continues where it was', async (_, code) => {
    await withoutStrayErrors(() => survive(8, (n) => (n % 2 ? given().server.dropSubscriptions(code) : undefined)));
  });

  it('waits for a server that is down, and for one that is not ready', async () => {
    const { server } = given();
    await survive(6, async (n) => {
      if (n === 1) {
        await server.stop();
        await sleep(50);
        await server.start();
      }
      if (n === 3) {
        server.script.notReady = true;
        server.dropSubscriptions();
        await sleep(50);
        server.script.notReady = false;
      }
    });
  });

  it('says once that the server is not available, and once that it is back, for any number of subscriptions and attempts', async () => {
    const { server, another } = given();
    const told: string[] = [];
    const tell = (level: string) => (fields: Record<string, unknown>, message: string) => {
      told.push(`${level} ${message}${'err' in fields ? ', and why' : ''}`);
    };
    const log = another({ logger: { info: tell('info'), warn: tell('warn') } });
    let pages = 0;
    const leaving = new AbortController();
    const reading = upTo(5).map(() =>
      follow(log, { after: START, signal: leaving.signal }, () => {
        pages += 1;
        return false;
      }),
    );
    await until(() => pages === 5);
    for (const outage of upTo(2)) {
      await server.stop();
      await sleep(1_000);
      expect(told).toHaveLength(2 * outage - 1);
      await server.start();
      await until(() => told.length === 2 * outage);
    }
    const once = [
      'warn EventStoreDB is not available; its subscriptions are tried again, and why',
      'info EventStoreDB is available again; its subscriptions continue',
    ];
    expect(told).toEqual([...once, ...once]);
    leaving.abort();
    await Promise.all(reading);
  });

  it('that finds the server frozen tries again', async () => {
    const { log, server } = given();
    const tenantId = randomUUID();
    await appendTo(tenantId, 3);
    server.script.freeze();
    const following = follow(log, { after: START, tenantId }, caughtUp);
    await sleep(2.5 * IMPATIENT.readDeadlineMs);
    server.script.thaw();
    expect((await following).events).toHaveLength(3);
  });

  it('that is taken and then hears nothing tries again', async () => {
    const { log, server } = given();
    const tenantId = randomUUID();
    await appendTo(tenantId, 3);
    let silent = 2;
    server.script.onSubscribe = () => silent-- > 0;
    expect((await follow(log, { after: START, tenantId }, caughtUp)).events).toHaveLength(3);
    expect(silent).toBe(-1);
  });

  it('that freezes while it catches up is resumed', async () => {
    const { log, server } = given();
    const tenantId = randomUUID();
    const stream = aStream(tenantId);
    for (let expected = 0; expected < 3_000; expected += 500)
      await log.append(anAppend({ stream, expected, events: facts(500) }));
    const seen: RecordedEvent[] = [];
    for await (const page of log.subscribe({ after: START, tenantId, pageSize: 100 })) {
      seen.push(...page.events);
      if (seen.length === 300) {
        server.script.freeze();
        setTimeout(() => server.script.thaw(), 3 * IMPATIENT.readDeadlineMs);
      }
      if (page.caughtUp) break;
    }
    expect(seen.map(({ version }) => version)).toEqual(upTo(3_000));
  });

  it('holds no more than a page for a slow consumer, tells that it fell behind, and catches up without a gap', async () => {
    const { log, server } = given();
    const tenantId = randomUUID();
    const stream = aStream(tenantId);
    await appendTo(tenantId, 1);
    const data = { text: 'x'.repeat(2_000) };
    const many = upTo(250).map(() => ({ type: 'Large', data }));
    const seen: RecordedEvent[] = [];
    const told: boolean[] = [];
    for await (const page of log.subscribe({ after: START, tenantId, pageSize: 20 })) {
      if (seen.length === 0 && page.events.length > 0) {
        for (let expected = 0; expected < 2_000; expected += 250) {
          await log.append(anAppend({ stream, expected, events: many }));
        }
        await sleep(200);
        expect(server.script.counts.sent).toBeLessThan(1_500);
      }
      expect(page.events.length).toBeLessThanOrEqual(20);
      seen.push(...page.events);
      told.push(page.caughtUp);
      if (seen.length === 2_001 && page.caughtUp) break;
    }
    expect(seen.slice(1).map(({ version }) => version)).toEqual(upTo(2_000));
    expect(told).toContain(false);
  });

  it('ends at the server when its consumer leaves, aborts or closes', async () => {
    const { log, server, another } = given();
    await appendTo(randomUUID(), 2);
    await follow(log, { after: START }, () => true);
    await until(() => server.subscriptions === 0);

    const aborting = new AbortController();
    const aborted = follow(log, { after: START, signal: aborting.signal }, () => false);
    await until(() => server.subscriptions === 1);
    aborting.abort();
    await aborted;
    await until(() => server.subscriptions === 0);

    const closing = another();
    const closed = follow(closing, { after: START }, () => false);
    await until(() => server.subscriptions === 1);
    await closing.close();
    await closed;
    await until(() => server.subscriptions === 0);
  });

  it('moves its position while nothing matches', async () => {
    const { log } = given();
    const stream = aStream();
    const after = await log.head();
    const moved = follow(log, { after, tenantId: randomUUID() }, (_, page) => page.position > after);
    for (let expected = 0; expected < 4_500; expected += 500)
      await log.append(anAppend({ stream, expected, events: facts(500) }));
    const { pages } = await moved;
    expect(pages.every(({ events }) => events.length === 0)).toBe(true);
    expect(await follow(log, { after: pages.at(-1)?.position ?? after }, caughtUp)).toBeDefined();
  });

  it('passes over events of other applications and of the server', async () => {
    const { log, server } = given();
    const tenantId = randomUUID();
    await appendTo(tenantId, 2);
    const foreign = {
      contentType: 'application/json',
      type: 'Foreign',
      data: Buffer.from('{}'),
      metadata: Buffer.from('[]'),
    };
    const binary = {
      ...foreign,
      contentType: 'application/octet-stream',
      data: Buffer.from([1, 2]),
      metadata: Buffer.alloc(0),
    };
    const inOurs = streamName(aStream(tenantId));
    server.store.append('orders-1', -1n, [{ ...foreign, id: randomUUID() }]);
    server.store.append(inOurs, -1n, [
      { ...foreign, id: randomUUID() },
      { ...binary, id: randomUUID() },
    ]);
    await appendTo(tenantId, 2);
    expect((await follow(log, { after: START }, caughtUp)).events).toHaveLength(4);
    expect((await follow(log, { after: START, tenantId }, caughtUp)).events).toHaveLength(4);
    expect((await log.readAll({ after: START, limit: 100 })).events).toHaveLength(4);
  });
});

describe('the erasure of a tenant', () => {
  const given = scripted(IMPATIENT);

  it('that fails half-way hides the tenant already, and a repeat ends it', async () => {
    const { log, server, another } = given();
    const tenantId = randomUUID();
    const streams = upTo(20).map(() => aStream(tenantId));
    for (const stream of streams) await log.append(anAppend({ stream }));
    const dying = log.deleteTenant(tenantId);
    await until(() => server.script.counts.tombstones > 3);
    server.script.notReady = true;
    await expect(dying).rejects.toMatchObject({ name: 'LogUnavailable' });
    server.script.notReady = false;
    expect((await another().readAll({ after: START, limit: 100, tenantId })).events).toEqual([]);
    await another().deleteTenant(tenantId);
    for (const stream of streams) expect(await log.readStream(stream)).toEqual([]);
  });

  it('cannot be undone by an append, here or in another process', async () => {
    const { log, another } = given();
    const append = anAppend();
    await log.append(append);
    await log.deleteTenant(append.stream.tenantId as string);
    await expect(log.append(anAppend({ stream: append.stream }))).rejects.toMatchObject({ name: 'InvalidAppend' });
    await expect(another().append(anAppend({ stream: append.stream }))).rejects.toMatchObject({
      name: 'InvalidAppend',
    });
    await expect(another().append({ ...append, expected: 'any' })).rejects.toMatchObject({ name: 'InvalidAppend' });
    expect(await log.readStream(append.stream)).toEqual([]);
  });
});
