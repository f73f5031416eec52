import { distance } from 'fastest-levenshtein';
import type { Environment } from './settings';
import { TABLE } from './table';

const NAMES = Object.keys(TABLE);
/** Names with fewer characters resemble too many others. */
const MIN_LENGTH = 6;
/** Characters that differ between a misspelled name and the one that was meant. */
const MAX_DISTANCE = 2;

/**
 * One sentence for each variable that is no setting and is spelled almost like one, such as `DATABSE_URL`. Without it, the
 * setting would have no effect, without a message that says why.
 */
export const misspelledSettings = (environment: Environment): string[] =>
  Object.keys(environment)
    .filter((name) => name.length >= MIN_LENGTH && !NAMES.includes(name))
    .flatMap((name) => {
      const meant = NAMES.find((it) => it.length >= MIN_LENGTH && distance(it, name.toUpperCase()) <= MAX_DISTANCE);
      return meant ? [`${name} is not a setting and has no effect: did you mean ${meant}?`] : [];
    });
