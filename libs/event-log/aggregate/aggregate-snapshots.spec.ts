import { Refusal } from '#domain/refusal';
import { uuidv7 } from '#platform/ids/uuid';
import { InMemoryEventLog, InMemoryStore } from '#testing/in-memory-event-log';
import { type EventToAppend } from '../port';
import { streamName } from '../stream-id';
import { AggregateStore } from './aggregate-store';
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

    it("reads only the later events, and the snapshot's last event as the proof that it is valid", async () => {
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

    it('ignores the snapshot of a stream that was erased', async () => {
      const stream = ofTenant(uuidv7());
      for (let i = 0; i < 12; i++) await store.execute(fold, stream, command(), add(1));
      await fresh().load(fold, stream);
      await log.deleteTenant(stream.tenantId);
      expect(await fresh().load(fold, stream)).toMatchObject({ version: 0, state: 0 });
    });

    it('folds all events if the snapshot belongs to another history or holds no valid state', async () => {
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

    it('ignores a snapshot of another fold version', async () => {
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
