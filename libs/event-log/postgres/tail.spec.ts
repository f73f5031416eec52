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
  /** A log in memory whose reads are answered when the test says so. */
  const open = () => {
    const stored: EventRow[] = [];
    const reads: (() => void)[] = [];
    const doubts: string[] = [];
    const tail = createTail({
      last: async () => stored.at(-1),
      read: (from) =>
        new Promise((resolve) => {
          reads.push(() => resolve(stored.slice(Math.max(0, Number(from) - 1))));
        }),
      onDoubt: () => doubts.push('doubt'),
      upcasters: noUpcasters,
    });
    const answer = async (): Promise<void> => {
      while (reads.length === 0) await new Promise(setImmediate);
      reads.shift()?.();
    };
    return { stored, tail, answer, doubts };
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

  it('keeps nothing of a log that gives a position again to another event, wherever that event comes from', async () => {
    const { stored, tail, answer, doubts } = open();
    stored.push(row(1), row(2, 'lost'));
    const begun = tail.catchUp();
    await answer();
    await begun;
    stored[1] = row(2, 'another');
    tail.expire();
    const again = tail.catchUp();
    await answer();
    await answer();
    await again;
    expect(doubts).toHaveLength(1);
    expect(tail.page(2n, 10, {})?.last?.commandId).toBe('another');
    tail.offer([row(3, 'kept')]);
    tail.offer([row(3, 'another again')]);
    expect(doubts).toHaveLength(2);
    expect(tail.page(2n, 10, {})).toBeUndefined();
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
