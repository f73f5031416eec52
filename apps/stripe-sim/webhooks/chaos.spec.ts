import { type Chaos, faultsOf } from './chaos';

const CHAOS: Chaos = { duplicate: 0.3, drop: 0.2, delayMs: 1_000, reorder: 5 };
const numbers = Array.from({ length: 2_000 }, (_, at) => at + 1);

describe('the faults of an event', () => {
  it('depend only on the seed and its number, in whatever order events are sent', () => {
    const inOrder = numbers.map((it) => faultsOf(7, it, CHAOS));
    const backwards = [...numbers].reverse().map((it) => faultsOf(7, it, CHAOS));
    expect(backwards.reverse()).toEqual(inOrder);
  });

  it('differ for another seed', () => {
    expect(numbers.map((it) => faultsOf(8, it, CHAOS))).not.toEqual(numbers.map((it) => faultsOf(7, it, CHAOS)));
  });

  it('have the requested shares', () => {
    const faults = numbers.map((it) => faultsOf(1, it, CHAOS));
    const share = (count: number): number => count / numbers.length;
    expect(share(faults.filter(({ dropped }) => dropped).length)).toBeCloseTo(0.2, 1);
    expect(share(faults.filter(({ delays }) => delays.length === 2).length)).toBeCloseTo(0.3, 1);
    expect(Math.max(...faults.flatMap(({ delays }) => delays))).toBeLessThan(1_000);
  });
});
