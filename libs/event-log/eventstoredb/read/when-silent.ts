/** Looks in one deadline: a silence is noticed a quarter of the deadline late at most. */
const LOOKS = 4;

/**
 * Calls `end` once, when the number that `progress` gives has stayed the same for `ms`. No timer is set again with each
 * event, as there may be tens of thousands in a second.
 * @returns stops watching
 */
export const whenSilent = (ms: number, progress: () => number, end: () => void): (() => void) => {
  let [before, quiet] = [progress(), 0];
  const timer = setInterval(() => {
    const now = progress();
    quiet = now === before ? quiet + 1 : 0;
    before = now;
    if (quiet < LOOKS) return;
    clearInterval(timer);
    end();
  }, ms / LOOKS);
  return () => clearInterval(timer);
};
