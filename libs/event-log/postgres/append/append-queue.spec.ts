import fc from 'fast-check';
import { uuidv7 } from '#platform/ids/uuid';
import { seeds } from '#testing/seeds';
import { AppendOutcomeUnknown, InvalidAppend, LogUnavailable, WrongExpectedVersion } from '../../port';
import type { ValidAppend } from '../../validate-append';
import { type Answer, BatchFailed, createAppendQueue } from './append-queue';

jest.setTimeout(30_000 + seeds(200) * 50);

type Fault = 'none' | 'lost-before' | 'lost-after' | 'rolled-back' | 'unsent';

/** A model of the store: atomic batches, versions, repeats by command id, and scripted faults. */
class ModelStore {
  readonly streams = new Map<string, number>();
  readonly commands = new Map<string, { version: number; position: bigint; times: number }>();
  readonly batches: number[] = [];
  position = 0n;

  constructor(
    readonly faults: Fault[],
    readonly maxBatch: number,
  ) {}

  readonly send = async (batch: readonly ValidAppend[]): Promise<Answer[]> => {
    expect(batch.length).toBeLessThanOrEqual(this.maxBatch);
    const streams = new Set(batch.map((one) => one.append.stream.id));
    expect(streams.size).toBe(batch.length);
    this.batches.push(batch.length);
    await new Promise((resolve) => setImmediate(resolve));
    const fault = this.faults.shift() ?? 'none';
    if (fault === 'unsent') throw new BatchFailed('unsent', new Error('no connection'));
    if (fault === 'rolled-back') throw new BatchFailed('rolled-back', new Error('lock timeout'));
    if (fault === 'lost-before') throw new BatchFailed('unknown', new Error('reset'));
    if (batch.some((one) => one.append.events[0]?.type === 'Poison'))
      throw new BatchFailed('poisoned', new Error('invalid input'));
    const answers = batch.map((one) => this.append(one));
    if (fault === 'lost-after') throw new BatchFailed('unknown', new Error('reset'));
    return answers;
  };

  append({ append }: ValidAppend): Answer {
    const first = this.commands.get(append.commandId);
    if (first) return { version: first.version, position: first.position, repeated: true };
    const current = this.streams.get(append.stream.id) ?? 0;
    if (append.expected !== 'any' && append.expected !== current)
      return new WrongExpectedVersion(append.stream, append.expected, current);
    const version = current + append.events.length;
    this.streams.set(append.stream.id, version);
    this.position += BigInt(append.events.length);
    this.commands.set(append.commandId, { version, position: this.position, times: 1 });
    return { version, position: this.position, repeated: false };
  }
}

const valid = (
  stream: string,
  expected: number | 'any',
  events: number,
  poison: boolean,
  commandId = uuidv7(),
): ValidAppend => ({
  append: {
    stream: { tenantId: null, aggregate: 'thing', id: stream },
    expected,
    events: Array.from({ length: events }, () => ({ type: poison ? 'Poison' : 'Fine', data: {} })),
    commandId,
    actor: { kind: 'system' },
    correlationId: 'property',
  },
  json: Array.from({ length: events }, () => '{}'),
  bytes: events * 2,
});

const queueOver = (store: ModelStore, inFlight: number | (() => number), deadlineMs = 60_000) =>
  createAppendQueue({
    send: store.send,
    inFlight: typeof inFlight === 'number' ? () => inFlight : inFlight,
    maxBatch: store.maxBatch,
    maxBatchBytes: 64,
    maxWaiting: 1_000,
    deadlineMs,
    onWritten: () => {},
    backoffMs: () => 0,
  });

const aFault = fc.constantFrom<Fault>('none', 'none', 'none', 'lost-before', 'lost-after', 'rolled-back', 'unsent');
const anAppend = fc.record({
  stream: fc.integer({ min: 0, max: 3 }),
  expected: fc.oneof(fc.constant<'any'>('any'), fc.integer({ min: 0, max: 3 })),
  events: fc.integer({ min: 1, max: 40 }),
  poison: fc.integer({ min: 0, max: 9 }).map((it) => it === 0),
  /** Repeats the command of the append that lies this number of places before. */
  repeats: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined, freq: 3 }),
  pause: fc.boolean(),
});

it('answers each caller with the result of its own append, however the store fails', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anAppend, { minLength: 1, maxLength: 25 }),
      fc.array(aFault, { maxLength: 12 }),
      // The limit changes between calls, as when other processes begin and stop appending.
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1 }),
      fc.integer({ min: 1, max: 8 }),
      async (script, faults, inFlight, maxBatch) => {
        const store = new ModelStore([...faults], maxBatch);
        let calls = 0;
        const queue = queueOver(store, () => inFlight[calls++ % inFlight.length] ?? 1);
        const appends: ValidAppend[] = [];
        const outcomes: Promise<unknown>[] = [];
        for (const { stream, expected, events, poison, repeats, pause } of script) {
          const earlier = repeats === undefined ? undefined : appends[appends.length - repeats];
          const append = earlier ?? valid(`stream-${stream}`, expected, events, poison);
          appends.push(append);
          outcomes.push(queue.add(append).catch((error: unknown) => error));
          if (pause) await new Promise((resolve) => setImmediate(resolve));
        }
        const answers = await Promise.all(outcomes);
        await queue.drain();
        const fresh = new Set<string>();
        answers.forEach((answer, at) => {
          const { append } = appends[at] as ValidAppend;
          const stored = store.commands.get(append.commandId);
          if (append.events[0]?.type === 'Poison') {
            expect(answer).toBeInstanceOf(InvalidAppend);
            expect(stored).toBeUndefined();
          } else if (answer instanceof WrongExpectedVersion) {
            expect(answer.stream).toBe(append.stream);
            expect(answer.actual).not.toBe(append.expected);
          } else {
            expect(answer).toMatchObject({ version: stored?.version, position: stored?.position });
            if (!(answer as { repeated: boolean }).repeated) {
              expect(fresh.has(append.commandId)).toBe(false);
              fresh.add(append.commandId);
            }
          }
        });
        const kept = [...store.commands.keys()];
        expect(kept.every((id) => appends.some(({ append }) => append.commandId === id))).toBe(true);
      },
    ),
    { numRuns: seeds(200) },
  );
});

it('combines appends that arrive while a batch is in progress', async () => {
  const store = new ModelStore([], 100);
  const queue = queueOver(store, 1);
  await Promise.all(Array.from({ length: 30 }, (_, at) => queue.add(valid(`s-${at}`, 0, 1, false))));
  // The first append is sent at once, because no batch is in progress.
  expect(store.batches).toEqual([1, 29]);
});

it('reports that nothing was written if the store could not be reached in time', async () => {
  const store = new ModelStore(Array<Fault>(1_000).fill('unsent'), 10);
  await expect(queueOver(store, 1, 5).add(valid('s', 0, 1, false))).rejects.toThrow(LogUnavailable);
});

it('reports an unknown outcome if the answer was lost and the store cannot be reached since', async () => {
  const store = new ModelStore(['lost-after', ...Array<Fault>(1_000).fill('unsent')], 10);
  await expect(queueOver(store, 1, 5).add(valid('s', 0, 1, false))).rejects.toThrow(AppendOutcomeUnknown);
  expect(store.commands.size).toBe(1);
});

it('refuses further appends once it is closed, and finishes the appends that it has', async () => {
  const store = new ModelStore([], 10);
  const queue = queueOver(store, 1);
  const before = queue.add(valid('s', 0, 1, false));
  const drained = queue.drain();
  await expect(queue.add(valid('t', 0, 1, false))).rejects.toThrow(LogUnavailable);
  await expect(before).resolves.toMatchObject({ version: 1 });
  await drained;
});
