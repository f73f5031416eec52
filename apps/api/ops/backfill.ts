import { tokenClass } from '#platform/token-class';

/** Adds a job that makes a worker read the list of events from Stripe. Resolves when the job is stored. */
export abstract class Backfill extends tokenClass<() => Promise<void>>() {}
