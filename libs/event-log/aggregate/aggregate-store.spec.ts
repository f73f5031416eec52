import { Refusal } from '#domain/refusal';
import { uuidv7 } from '#platform/ids/uuid';
import { InMemoryEventLog, InMemoryStore } from '#testing/in-memory-event-log';
import { type EventToAppend, LogUnavailable } from '../port';
import { streamName } from '../stream-id';
import { AggregateStore, StaleVersion } from './aggregate-store';
import type { CommandContext, Fold } from './fold';
import type { Snapshots } from './snapshots';
import type { Folded } from './state-cache';

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
  /** Another process, with a memory of its own. */
  const elsewhere = new AggregateStore({ log: new InMemoryEventLog(memory) });

  it('decides on what the events come to', async () => {
    const stream = aStream();
    await store.execute(fold, stream, command(), add(2));
    expect(await store.execute(fold, stream, command(), add(3))).toMatchObject({ version: 2 });
    expect(await store.load(fold, stream)).toMatchObject({ version: 2, state: 5 });
  });

  it('decides again where another was faster', async () => {
    const stream = aStream();
    const hundred = Array.from({ length: 40 }, (_, at) => (at % 2 ? store : elsewhere));
    await Promise.all(hundred.map((it) => it.execute(fold, stream, command(), add(1))));
    expect(await elsewhere.load(fold, stream)).toMatchObject({ version: 40, state: 40 });
  });

  it('passes no limit under any race', async () => {
    const stream = aStream();
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, (_, at) => (at % 2 ? store : elsewhere).execute(fold, stream, command(), add(1, 25))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(25);
    expect((await store.load(fold, stream)).state).toBe(25);
  });

  it('does not refuse because its memory is behind', async () => {
    const stream = aStream();
    await store.execute(fold, stream, command(), add(10));
    await elsewhere.execute(fold, stream, command(), add(-10));
    await expect(store.execute(fold, stream, command(), add(10, 10))).resolves.toMatchObject({ version: 3 });
  });

  it('appends nothing where nothing is decided', async () => {
    const stream = aStream();
    await store.execute(fold, stream, command(), add(1));
    expect(await store.execute(fold, stream, command(), add(0))).toMatchObject({
      version: 1,
      state: 1,
      position: undefined,
    });
  });

  it('holds to the version that the client insists on', async () => {
    const stream = aStream();
    await store.execute(fold, stream, command(), add(1));
    await elsewhere.execute(fold, stream, command(), add(1));
    await expect(store.execute(fold, stream, command(), add(1), 1)).rejects.toThrow(StaleVersion);
    await expect(store.execute(fold, stream, command(), add(1), 2)).resolves.toMatchObject({ version: 3 });
  });

  it('carries out a command once, however often it comes', async () => {
    const stream = aStream();
    const context = command();
    const first = await store.execute(fold, stream, context, add(5));
    await store.execute(fold, stream, command(), add(1));
    const again = await elsewhere.execute(fold, stream, { ...context, mayRepeat: true }, add(5));
    expect(again).toMatchObject({ version: 2, state: 6, position: first.position });
    expect((await store.load(fold, stream)).state).toBe(6);
  });

  it('founds a stream without reading it, once', async () => {
    const stream = aStream();
    const context = command();
    const founding = (sum: number): Added[] => (sum === 0 ? add(1)(sum) : add(1, 0)(sum));
    const first = await store.create(fold, stream, context, founding);
    expect(await elsewhere.create(fold, stream, context, founding)).toMatchObject({ position: first.position });
    await expect(store.create(fold, stream, command(), founding)).rejects.toThrow(Refusal);
  });

  it('believes nothing that it has kept of a stream that was erased elsewhere', async () => {
    const stream = ofTenant(uuidv7());
    await store.execute(fold, stream, command(), add(5));
    await elsewhere.load(fold, stream);
    await log.deleteTenant(stream.tenantId);
    for (const it of [store, elsewhere]) {
      expect(await it.load(fold, stream)).toMatchObject({ version: 0, state: 0 });
      const seen: number[] = [];
      const decide = (sum: number): Added[] => {
        seen.push(sum);
        throw new Refusal('not-found', 'nothing is here');
      };
      await expect(it.execute(fold, stream, command(), decide)).rejects.toThrow(Refusal);
      expect(seen.at(-1)).toBe(0);
    }
  });

  it('forgets a tenant, and nothing of others', async () => {
    const [gone, kept] = [ofTenant(uuidv7()), ofTenant(uuidv7())];
    for (const stream of [gone, kept]) await store.execute(fold, stream, command(), add(1));
    store.forgetTenant(gone.tenantId);
    const read = jest.spyOn(log, 'readStream');
    for (const stream of [gone, kept]) await store.load(fold, stream);
    expect(read.mock.calls).toEqual([[gone], [kept, { afterVersion: 0 }]]);
    read.mockRestore();
  });

  it('decides on no state of a history that the log no longer has, also where the version fits again', async () => {
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

  it('passes on that the log is not available', async () => {
    const closed = new InMemoryEventLog();
    await closed.close();
    const away = new AggregateStore({ log: closed });
    await expect(away.execute(fold, aStream(), command(), add(1))).rejects.toThrow(LogUnavailable);
  });

  describe('with snapshots', () => {
    const kept = new Map<string, { foldVersion: number; folded: Folded<unknown> }>();
    const snapshots: Snapshots = {
      load: async <State>(stream: Parameters<Snapshots['load']>[0], foldVersion: number) => {
        const snapshot = kept.get(streamName(stream));
        return snapshot?.foldVersion === foldVersion ? (snapshot.folded as Folded<State>) : undefined;
      },
      save: (stream, foldVersion, folded) => {
        kept.set(streamName(stream), { foldVersion, folded });
      },
    };
    const fresh = () => new AggregateStore({ log, snapshots, snapshotEvery: 10 });

    it('reads only what came after the snapshot, and its last event as the proof that it still holds', async () => {
      const stream = aStream();
      for (let i = 0; i < 12; i++) await store.execute(fold, stream, command(), add(1));
      await fresh().load(fold, stream);
      expect(kept.get(streamName(stream))?.folded).toMatchObject({ version: 12, state: 12 });
      await store.execute(fold, stream, command(), add(1));
      const read = jest.spyOn(log, 'readStream');
      expect(await fresh().load(fold, stream)).toMatchObject({ version: 13, state: 13 });
      expect(read).toHaveBeenLastCalledWith(stream, { afterVersion: 11 });
      read.mockRestore();
    });

    it('believes no snapshot of a stream that was erased', async () => {
      const stream = ofTenant(uuidv7());
      for (let i = 0; i < 12; i++) await store.execute(fold, stream, command(), add(1));
      await fresh().load(fold, stream);
      await log.deleteTenant(stream.tenantId);
      expect(await fresh().load(fold, stream)).toMatchObject({ version: 0, state: 0 });
    });

    it('falls back to the events where a snapshot has the right version and is of another history, or no state', async () => {
      const stream = aStream();
      for (let i = 0; i < 12; i++) await store.execute(fold, stream, command(), add(1));
      const checked = { ...fold, isState: (value: unknown): value is number => typeof value === 'number' };
      const { commandId } = await store.load(checked, stream);
      const keep = (folded: Folded<unknown>) => kept.set(streamName(stream), { foldVersion: 1, folded });
      keep({ version: 12, state: { sum: 12 }, commandId });
      expect(await fresh().load(checked, stream)).toMatchObject({ version: 12, state: 12 });
      keep({ version: 12, state: 1_000, commandId: uuidv7() });
      expect(await fresh().load(checked, stream)).toMatchObject({ version: 12, state: 12 });
      keep({ version: 12, state: 1_000 });
      expect(await fresh().load(checked, stream)).toMatchObject({ version: 12, state: 12 });
    });

    it('leaves a snapshot of another fold aside', async () => {
      const stream = aStream();
      for (let i = 0; i < 12; i++) await store.execute(fold, stream, command(), add(1));
      await fresh().load(fold, stream);
      const doubled: Fold<number, EventToAppend> = {
        ...fold,
        foldVersion: 2,
        evolve: (sum, event) => sum + 2 * (event as Added).data.n,
      };
      expect(await fresh().load(doubled, stream)).toMatchObject({ version: 12, state: 24 });
    });
  });
});
