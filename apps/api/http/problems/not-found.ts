import { Problem } from '#platform/problems';

/**
 * The problem of a missing resource, with the same text as the refusals of the domain rules, so that both answers are
 * equal.
 * @param what the kind of the resource, such as `team`
 */
export const notFound = (what: string): Problem => new Problem('not-found', { detail: `There is no such ${what}.` });
