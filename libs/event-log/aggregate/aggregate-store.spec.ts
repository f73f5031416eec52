import { Refusal } from '#domain/refusal';
import { uuidv7 } from '#platform/ids/uuid';
import { InMemoryEventLog, InMemoryStore } from '#testing/in-memory-event-log';
import { LogUnavailable } from '../port';
import { AggregateStore, StaleVersion } from './aggregate-store';
import type { CommandContext, Fold } from './fold';

type Added = { type: 'Added'; data: { n: number } };
const fold: Fold<number, Added> = {
  aggregate: 'sum',
  foldVersion: 1,
  initial: 0,
  evolve: (sum, { data }) => sum + data.n,
};
const add =
  (n: number, limit = Number.POSITIVE_INFINITY) =>
  (sum: number): Added[] => {
    if (sum + n > limit) throw new Refusal('conflict', 'too much');
    return n === 0 ? [] : [{ type: 'Added', data: { n } }];
  };
const command = (commandId = uuidv7(), mayRepeat = false): CommandContext => ({
  commandId,
  actor: { kind: 'system' },
  correlationId: 'test',
  mayRepeat,
});
const aStream = () => ({ tenantId: null, aggregate: 'sum', id: uuidv7() });
const ofTenant = (tenantId: string) => ({ tenantId, aggregate: 'sum', id: uuidv7() });

describe('the aggregate store', () => {
  const memory = new InMemoryStore();
  const log = new InMemoryEventLog(memory);
  const store = new AggregateStore({ log });
  /** A second process, which shares the log but not the memory. */
  const elsewhere = new AggregateStore({ log: new InMemoryEventLog(memory) });

  it('decides on the state that results from the events', async () => {
    const stream = aStream();
    await store.execute(fold, stream, command(), add(2));
    expect(await store.execute(fold, stream, command(), add(3))).toMatchObject({ version: 2 });
    expect(await store.load(fold, stream)).toMatchObject({ version: 2, state: 5 });
  });

  it('decides again if another process appended first', async () => {
    const stream = aStream();
    const stores = Array.from({ length: 40 }, (_, at) => (at % 2 ? store : elsewhere));
    await Promise.all(stores.map((each) => each.execute(fold, stream, command(), add(1))));
    expect(await elsewhere.load(fold, stream)).toMatchObject({ version: 40, state: 40 });
  });

  it('never exceeds a limit, however many commands run at the same time', async () => {
    const stream = aStream();
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, (_, at) => (at % 2 ? store : elsewhere).execute(fold, stream, command(), add(1, 25))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(25);
    expect((await store.load(fold, stream)).state).toBe(25);
  });

  it('does not refuse a command only because its state in memory is behind the log', async () => {
    const stream = aStream();
    await store.execute(fold, stream, command(), add(10));
    await elsewhere.execute(fold, stream, command(), add(-10));
    await expect(store.execute(fold, stream, command(), add(10, 10))).resolves.toMatchObject({ version: 3 });
  });

  it('appends nothing if the rule returns no events', async () => {
    const stream = aStream();
    await store.execute(fold, stream, command(), add(1));
    expect(await store.execute(fold, stream, command(), add(0))).toMatchObject({
      version: 1,
      state: 1,
      position: undefined,
    });
  });

  it('refuses a command if the stream does not have the version that the client requires', async () => {
    const stream = aStream();
    await store.execute(fold, stream, command(), add(1));
    await elsewhere.execute(fold, stream, command(), add(1));
    await expect(store.execute(fold, stream, command(), add(1), 1)).rejects.toThrow(StaleVersion);
    await expect(store.execute(fold, stream, command(), add(1), 2)).resolves.toMatchObject({ version: 3 });
  });

  it('executes a command once, however often it is repeated', async () => {
    const stream = aStream();
    const context = command();
    const first = await store.execute(fold, stream, context, add(5));
    await store.execute(fold, stream, command(), add(1));
    const again = await elsewhere.execute(fold, stream, { ...context, mayRepeat: true }, add(5));
    expect(again).toMatchObject({ version: 2, state: 6, position: first.position });
    expect((await store.load(fold, stream)).state).toBe(6);
  });

  it('creates a stream without reading it, and only once', async () => {
    const stream = aStream();
    const context = command();
    const createOnce = (sum: number): Added[] => (sum === 0 ? add(1)(sum) : add(1, 0)(sum));
    const first = await store.create(fold, stream, context, createOnce);
    expect(await elsewhere.create(fold, stream, context, createOnce)).toMatchObject({ position: first.position });
    await expect(store.create(fold, stream, command(), createOnce)).rejects.toThrow(Refusal);
  });

  it('uses no state in memory of a stream that another process erased', async () => {
    const stream = ofTenant(uuidv7());
    await store.execute(fold, stream, command(), add(5));
    await elsewhere.load(fold, stream);
    await log.deleteTenant(stream.tenantId);
    for (const each of [store, elsewhere]) {
      expect(await each.load(fold, stream)).toMatchObject({ version: 0, state: 0 });
      const seen: number[] = [];
      const decide = (sum: number): Added[] => {
        seen.push(sum);
        throw new Refusal('not-found', 'nothing is here');
      };
      await expect(each.execute(fold, stream, command(), decide)).rejects.toThrow(Refusal);
      expect(seen.at(-1)).toBe(0);
    }
  });

  it('forgets the states of a tenant and keeps those of other tenants', async () => {
    const [forgotten, kept] = [ofTenant(uuidv7()), ofTenant(uuidv7())];
    for (const stream of [forgotten, kept]) await store.execute(fold, stream, command(), add(1));
    store.forgetTenant(forgotten.tenantId);
    const read = jest.spyOn(log, 'readStream');
    for (const stream of [forgotten, kept]) await store.load(fold, stream);
    expect(read.mock.calls).toEqual([[forgotten], [kept, { afterVersion: 0 }]]);
    read.mockRestore();
  });

  it('decides on no state of a lost history, even if the stream has reached the same version again', async () => {
    const store = new InMemoryStore();
    const [here, there] = [0, 1].map(() => new AggregateStore({ log: new InMemoryEventLog(store) }));
    if (!here || !there) throw new Error('two processes are needed');
    const stream = aStream();
    await here.execute(fold, stream, command(), add(1));
    const copied = store.position;
    await here.execute(fold, stream, command(), add(10));
    store.goBackTo(copied);
    await there.execute(fold, stream, command(), add(100));
    expect(await here.execute(fold, stream, command(), add(0))).toMatchObject({ version: 2, state: 101 });
    await here.execute(fold, stream, command(), add(10));
    store.goBackTo(copied);
    await there.execute(fold, stream, command(), add(5));
    await there.execute(fold, stream, command(), add(5));
    expect(await here.execute(fold, stream, command(), add(1))).toMatchObject({ version: 4, state: 12 });
  });

  it('passes on the error of a log that is not available', async () => {
    const closed = new InMemoryEventLog();
    await closed.close();
    const unavailable = new AggregateStore({ log: closed });
    await expect(unavailable.execute(fold, aStream(), command(), add(1))).rejects.toThrow(LogUnavailable);
  });
});
