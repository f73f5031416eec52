/**
 * Every advisory lock of the product: they share one space of numbers in the database, and two that had one number would
 * wait for each other for nothing. Numbers stay: during a deployment processes of two versions meet under them.
 */
export const ADVISORY_LOCKS = {
  /** Of the tests, while the database that theirs are copied from is made. */
  testTemplate: 7301944,
  migrating: 7301945,
  /** Taken in SQL (`libs/event-log/postgres`): the order of the log. */
  appending: 7301946,
  installingProjections: 7301947,
  movingSigningKeys: 7301948,
  /** Taken in SQL (`apps/migrations/0018-plans.sql`): the seed of a hash, a lock for each tenant and scope. */
  reserving: 7301949,
  erasingTenants: 7301950,
} as const;

/** First of two numbers, the second being a read model's: a space apart from that of single ones. */
export const REBUILD_LOCKS = 730194;
