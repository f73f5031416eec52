import { noUpcasters } from '../upcasting';
import type { EventRow } from './rows';
import { createTail } from './tail';

const row = (position: number): EventRow => [
  ...[
    String(position),
    '0',
    'command',
    'aggregate',
    null,
    null,
    null,
    '1',
    '0',
    '1',
    'y',
    'task',
    'TaskAdded',
    null,
    '{}',
  ],
];

describe('the tail of the log', () => {
  /** A log in memory whose reads are answered when the test says so. */
  const open = () => {
    const stored: EventRow[] = [];
    const reads: (() => void)[] = [];
    const tail = createTail({
      head: async () => BigInt(stored.length),
      read: (after) =>
        new Promise((resolve) => {
          reads.push(() => resolve(stored.slice(Number(after))));
        }),
      upcasters: noUpcasters,
    });
    const answer = async (): Promise<void> => {
      while (reads.length === 0) await new Promise(setImmediate);
      reads.shift()?.();
    };
    return { stored, tail, answer };
  };

  it('shows what another process appended to all who were told of it, however many ask at the same time', async () => {
    const { stored, tail, answer } = open();
    const begun = tail.catchUp();
    await answer();
    await begun;
    stored.push(row(1));
    tail.expire();
    const seen = Array.from({ length: 8 }, async () => {
      await tail.catchUp();
      return tail.page(0n, 10, {})?.events.length;
    });
    await answer();
    expect(await Promise.all(seen)).toEqual(Array.from({ length: 8 }, () => 1));
  });

  it('asks the database nothing where nobody else may have appended', async () => {
    const { tail, answer } = open();
    const begun = tail.catchUp();
    await answer();
    await begun;
    await tail.catchUp();
    tail.offer([row(1)]);
    await tail.catchUp();
    expect(tail.page(0n, 10, {})?.events).toHaveLength(1);
  });
});
