import { Problem } from '#platform/problems';

/** In the words of the rules, so that nobody can tell which of the two has looked. @param what `team` */
export const notFound = (what: string): Problem => new Problem('not-found', { detail: `There is no such ${what}.` });
