import { tokenClass } from '#platform/token-class';

/** Asks the workers to read Stripe's own list of events, and resolves when they have been asked. */
export abstract class Backfill extends tokenClass<() => Promise<void>>() {}
