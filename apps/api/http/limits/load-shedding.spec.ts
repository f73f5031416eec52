import { createLasting } from './load-shedding';

describe('a late event loop', () => {
  const looks = (...steps: readonly (readonly [ms: number, late: boolean])[]): boolean[] => {
    let [now, late] = [0, false];
    const isLasting = createLasting(
      () => late,
      () => now,
    );
    return steps.map(([ms, isLate]) => {
      [now, late] = [ms, isLate];
      return isLasting();
    });
  };

  it('makes the process not ready only where it lasts, so that one long step does not', () => {
    expect(looks([0, true], [1_900, true], [2_000, true])).toEqual([false, false, true]);
  });

  it('begins to last again after it was well', () => {
    expect(looks([0, true], [1_000, false], [2_500, true], [4_400, true], [4_500, true])).toEqual([
      ...[false, false, false, false],
      true,
    ]);
  });
});
