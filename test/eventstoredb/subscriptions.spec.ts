import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { anAppend, aStream, caughtUp, facts, follow, ids, upTo } from '#event-log/contract/support';
import { type RecordedEvent, START } from '#event-log/port';
import { streamName } from '#event-log/stream-id';
import { sleep } from '#platform/loops/backoff';
import { IMPATIENT, scripted, until, withoutStrayErrors } from './support';

describe('a subscription', () => {
  const fixture = scripted(IMPATIENT);

  const appendTo = async (tenantId: string, count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await fixture().log.append(anAppend({ stream: aStream(tenantId) }));
  };

  /**
   * Subscribes to one tenant, appends `count` events and calls `between` after each. The subscription must get them
   * all.
   */
  const expectToSurvive = async (count: number, between: (n: number) => Promise<void> | void): Promise<void> => {
    const { log } = fixture();
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
  ])('that the server ends with the status %s continues at its position', async (_, code) => {
    await withoutStrayErrors(() =>
      expectToSurvive(8, (n) => (n % 2 ? fixture().server.dropSubscriptions(code) : undefined)),
    );
  });

  it('waits for a server that is stopped, and for one that is not ready', async () => {
    const { server } = fixture();
    await expectToSurvive(6, async (n) => {
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

  it('logs an outage once and its end once, for any number of subscriptions and attempts', async () => {
    const { server, another } = fixture();
    const messages: string[] = [];
    const logAs = (level: string) => (fields: Record<string, unknown>, message: string) => {
      messages.push(`${level} ${message}${'err' in fields ? ', with the error' : ''}`);
    };
    const log = another({ logger: { info: logAs('info'), warn: logAs('warn') } });
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
      expect(messages).toHaveLength(2 * outage - 1);
      await server.start();
      await until(() => messages.length === 2 * outage);
    }
    const eachOutage = [
      'warn EventStoreDB is not available; its subscriptions are tried again, with the error',
      'info EventStoreDB is available again; its subscriptions continue',
    ];
    expect(messages).toEqual([...eachOutage, ...eachOutage]);
    leaving.abort();
    await Promise.all(reading);
  });

  it('that begins while the server is frozen is tried again', async () => {
    const { log, server } = fixture();
    const tenantId = randomUUID();
    await appendTo(tenantId, 3);
    server.script.freeze();
    const following = follow(log, { after: START, tenantId }, caughtUp);
    await sleep(2.5 * IMPATIENT.readDeadlineMs);
    server.script.thaw();
    expect((await following).events).toHaveLength(3);
  });

  it('that the server accepts but does not answer is tried again', async () => {
    const { log, server } = fixture();
    const tenantId = randomUUID();
    await appendTo(tenantId, 3);
    let silent = 2;
    server.script.onSubscribe = () => silent-- > 0;
    expect((await follow(log, { after: START, tenantId }, caughtUp)).events).toHaveLength(3);
    expect(silent).toBe(-1);
  });

  it('during which the server freezes is resumed', async () => {
    const { log, server } = fixture();
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

  it('buffers a page at most for a slow consumer, reports that it fell behind, and has no gap', async () => {
    const { log, server } = fixture();
    const tenantId = randomUUID();
    const stream = aStream(tenantId);
    await appendTo(tenantId, 1);
    const data = { text: 'x'.repeat(2_000) };
    const many = upTo(250).map(() => ({ type: 'Large', data }));
    const seen: RecordedEvent[] = [];
    const caughtUpFlags: boolean[] = [];
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
      caughtUpFlags.push(page.caughtUp);
      if (seen.length === 2_001 && page.caughtUp) break;
    }
    expect(seen.slice(1).map(({ version }) => version)).toEqual(upTo(2_000));
    expect(caughtUpFlags).toContain(false);
  });

  it('ends at the server when its consumer ends it, aborts it or closes the log', async () => {
    const { log, server, another } = fixture();
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

  it('moves its position while no event matches', async () => {
    const { log } = fixture();
    const stream = aStream();
    const after = await log.head();
    const moved = follow(log, { after, tenantId: randomUUID() }, (_, page) => page.position > after);
    for (let expected = 0; expected < 4_500; expected += 500)
      await log.append(anAppend({ stream, expected, events: facts(500) }));
    const { pages } = await moved;
    expect(pages.every(({ events }) => events.length === 0)).toBe(true);
    expect(await follow(log, { after: pages.at(-1)?.position ?? after }, caughtUp)).toBeDefined();
  });

  it('leaves out events of other applications and of the server', async () => {
    const { log, server } = fixture();
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
