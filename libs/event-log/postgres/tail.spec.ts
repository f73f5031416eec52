import { noUpcasters } from '../upcasting';
import type { EventRow } from './rows';
import { createTail } from './tail';

const row = (position: number, command = 'command'): EventRow => [
  ...[
    String(position),
    '0',
    command,
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
  /** A log in memory whose reads are answered when the test calls `answer`. */
  const open = () => {
    const stored: EventRow[] = [];
    const reads: (() => void)[] = [];
    const mismatches: string[] = [];
    const tail = createTail({
      last: async () => stored.at(-1),
      read: (from) =>
        new Promise((resolve) => {
          reads.push(() => resolve(stored.slice(Math.max(0, Number(from) - 1))));
        }),
      onMismatch: () => mismatches.push('mismatch'),
      upcasters: noUpcasters,
    });
    const answer = async (): Promise<void> => {
      while (reads.length === 0) await new Promise(setImmediate);
      reads.shift()?.();
    };
    return { stored, tail, answer, mismatches };
  };

  it('returns the event of another process to every subscriber, however many read at the same time', async () => {
    const { stored, tail, answer } = open();
    const begun = tail.catchUp();
    await answer();
    await begun;
    stored.push(row(1));
    tail.markStale();
    const seen = Array.from({ length: 8 }, async () => {
      await tail.catchUp();
      return tail.page(0n, 10, {})?.events.length;
    });
    await answer();
    expect(await Promise.all(seen)).toEqual(Array.from({ length: 8 }, () => 1));
  });

  it('drops its rows if the log holds another event at a position, whether it was read or appended', async () => {
    const { stored, tail, answer, mismatches } = open();
    stored.push(row(1), row(2, 'lost'));
    const begun = tail.catchUp();
    await answer();
    await begun;
    stored[1] = row(2, 'another');
    tail.markStale();
    const again = tail.catchUp();
    await answer();
    await answer();
    await again;
    expect(mismatches).toHaveLength(1);
    expect(tail.page(2n, 10, {})?.last?.commandId).toBe('another');
    tail.offer([row(3, 'kept')]);
    tail.offer([row(3, 'another again')]);
    expect(mismatches).toHaveLength(2);
    expect(tail.page(2n, 10, {})).toBeUndefined();
  });

  it('does not read the database if no other process may have appended', async () => {
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
