import { coversCommand, KnownStreams, type SeenEvent } from './known-streams';

const MINUTE = 60_000;
const seen = (version: number, commandId: string, time = version * MINUTE): SeenEvent => ({
  version,
  position: BigInt(version),
  commandId,
  time,
});
const run = (first: number, last: number): SeenEvent[] =>
  Array.from({ length: last - first + 1 }, (_, i) => seen(first + i, `c${first + i}`));

describe('the known part of a stream', () => {
  it('grows at both ends by adjoining or overlapping parts', () => {
    const known = new KnownStreams();
    known.learn('s', 10, run(11, 20), true);
    known.learn('s', 20, run(21, 25), true);
    known.learn('s', 4, run(5, 12), true);
    expect(known.get('s')).toMatchObject({ from: 5, to: 25, fromTime: 5 * MINUTE });
    expect(known.get('s')?.commands.size).toBe(21);
  });

  it('has no gap: if two parts do not adjoin, only the newer one is kept', () => {
    const known = new KnownStreams();
    known.learn('s', 0, run(1, 5), true);
    known.learn('s', 10, run(11, 12), true);
    expect(known.get('s')).toMatchObject({ from: 11, to: 12 });
    known.learn('s', 0, run(1, 5), true);
    expect(known.get('s')).toMatchObject({ from: 11, to: 12 });
  });

  it('leaves out the last append of a read that ended at its limit, because it may be incomplete', () => {
    const known = new KnownStreams();
    known.learn('s', 0, [seen(1, 'a'), seen(2, 'b'), seen(3, 'b')], false);
    expect(known.get('s')).toMatchObject({ from: 1, to: 1 });
    expect(known.get('s')?.commands.has('b')).toBe(false);
    known.learn('t', 7, [seen(8, 'b'), seen(9, 'b')], false);
    expect(known.get('t')).toBeUndefined();
  });

  it('has the last event of an append whose events are in two parts', () => {
    const known = new KnownStreams();
    known.learn('s', 2, [seen(3, 'a'), seen(4, 'b')], true);
    known.learn('s', 0, [seen(1, 'a'), seen(2, 'a')], true);
    expect(known.get('s')?.commands.get('a')).toMatchObject({ version: 3 });
  });

  it('can be an empty stream', () => {
    const known = new KnownStreams();
    known.learn('s', 0, [], true);
    expect(known.get('s')).toMatchObject({ from: 1, to: 0 });
    known.learn('t', 5, [], true);
    expect(known.get('t')).toBeUndefined();
  });

  it('is forgotten when too many commands are known: the least recently used stream first', () => {
    const known = new KnownStreams(100, 50);
    for (let n = 0; n < 10; n++) {
      known.learn(`s${n}`, 0, run(1, 20), true);
      known.get('s0');
    }
    expect(known.get('s0')).toBeDefined();
    expect(known.get('s1')).toBeUndefined();
    expect(known.get('s9')).toBeDefined();
  });

  it('is limited to the newest events of a stream', () => {
    const known = new KnownStreams(1_000, 50);
    known.learn('s', 0, run(1, 60), true);
    expect(known.get('s')).toMatchObject({ from: 36, to: 60, fromTime: 36 * MINUTE });
    expect(known.get('s')?.commands.size).toBe(25);
  });

  it('covers a command by its age, with a tolerance of minutes between clocks', () => {
    const known = new KnownStreams();
    known.learn('part', 99, run(100, 120), true);
    known.learn('whole', 0, run(1, 3), true);
    const [part, whole] = [known.get('part'), known.get('whole')];
    if (!part || !whole) throw new Error('nothing is known');
    expect(coversCommand(part, 106 * MINUTE)).toBe(true);
    expect(coversCommand(part, 104 * MINUTE)).toBe(false);
    expect(coversCommand(part, undefined)).toBe(false);
    expect(coversCommand(whole, undefined)).toBe(true);
  });
});
