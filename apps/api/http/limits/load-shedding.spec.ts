import { createLasting } from './load-shedding';

describe('a delayed event loop', () => {
  const check = (...steps: readonly (readonly [ms: number, isDelayed: boolean])[]): boolean[] => {
    let [now, delayed] = [0, false];
    const isLasting = createLasting(
      () => delayed,
      () => now,
    );
    return steps.map(([ms, isDelayed]) => {
      [now, delayed] = [ms, isDelayed];
      return isLasting();
    });
  };

  it('makes the process not ready only if the delay lasts, so one long step does not', () => {
    expect(check([0, true], [1_900, true], [2_000, true])).toEqual([false, false, true]);
  });

  it('is measured from the start again after a check without a delay', () => {
    expect(check([0, true], [1_000, false], [2_500, true], [4_400, true], [4_500, true])).toEqual([
      ...[false, false, false, false],
      true,
    ]);
  });
});
