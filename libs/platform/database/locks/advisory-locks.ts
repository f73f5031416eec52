/**
 * Every advisory lock of the product. They share one number space in the database: two locks with the same number would
 * block each other without a reason. A number never changes, because during a deployment processes of two releases use
 * it.
 */
export const ADVISORY_LOCKS = {
  /** Used only by tests, while the template database is made from which the test databases are copied. */
  testTemplate: 7301944,
  migrating: 7301945,
  /** Acquired in SQL (`apps/migrations/0004-event-log-appends.sql`): it serialises the positions of the event log. */
  appending: 7301946,
  installingProjections: 7301947,
  movingSigningKeys: 7301948,
  /**
   * Acquired in SQL (`apps/migrations/0018-plans.sql`): the seed of a hash that is a lock for each tenant and scope.
   */
  reserving: 7301949,
  erasingTenants: 7301950,
  /** Acquired in SQL (`apps/migrations/0025-identity-facts.sql`): it keeps the facts of a session in their order. */
  takingFacts: 7301951,
} as const;

/**
 * The first of the two numbers of a rebuild's lock; the second is the number of the read model. PostgreSQL keeps locks
 * with two numbers apart from those with one.
 */
export const REBUILD_LOCKS = 730194;
