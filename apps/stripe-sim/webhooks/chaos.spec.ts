import { type Chaos, fateOf } from './chaos';

const CHAOS: Chaos = { duplicate: 0.3, drop: 0.2, delayMs: 1_000, reorder: 5 };
const numbers = Array.from({ length: 2_000 }, (_, at) => at + 1);

describe('the fate of an event', () => {
  it('follows from the seed and its number, in whatever order events are sent', () => {
    const inOrder = numbers.map((it) => fateOf(7, it, CHAOS));
    const backwards = [...numbers].reverse().map((it) => fateOf(7, it, CHAOS));
    expect(backwards.reverse()).toEqual(inOrder);
  });

  it('is another one for another seed', () => {
    expect(numbers.map((it) => fateOf(8, it, CHAOS))).not.toEqual(numbers.map((it) => fateOf(7, it, CHAOS)));
  });

  it('comes as often as it was asked for', () => {
    const fates = numbers.map((it) => fateOf(1, it, CHAOS));
    const share = (count: number): number => count / numbers.length;
    expect(share(fates.filter(({ dropped }) => dropped).length)).toBeCloseTo(0.2, 1);
    expect(share(fates.filter(({ delays }) => delays.length === 2).length)).toBeCloseTo(0.3, 1);
    expect(Math.max(...fates.flatMap(({ delays }) => delays))).toBeLessThan(1_000);
  });
});
