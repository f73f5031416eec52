/** Checks within one deadline: a silence is detected at most a quarter of the deadline late. */
const CHECKS = 4;

/**
 * Calls `onSilence` once, when the number that `progress` returns has not changed for `ms`. A timer is not reset at
 * each event, because there may be tens of thousands of events in a second.
 * @returns a function that stops watching
 */
export const whenSilent = (ms: number, progress: () => number, onSilence: () => void): (() => void) => {
  let [before, silentChecks] = [progress(), 0];
  const timer = setInterval(() => {
    const now = progress();
    silentChecks = now === before ? silentChecks + 1 : 0;
    before = now;
    if (silentChecks < CHECKS) return;
    clearInterval(timer);
    onSilence();
  }, ms / CHECKS);
  return () => clearInterval(timer);
};
