import type { StripeOutbox } from '#billing/outbox/stripe-outbox';
import type { StripeGateway } from '#billing/stripe/stripe-gateway';
import type { TenantLease, TenantLeases } from '#billing/tenant-lease';
import type { Position } from '#event-log/port';
import type { Catalogue } from '#plans/catalogue/index';
import type { ScopedDb } from '#platform/database/scoped/scoped-db';
import type { Usage } from '../plans/usage';
import type { ReturnLink } from './stripe/return-link';

/** What purchases, changes and ends of subscriptions need. */
export interface BillingDeps {
  /** Undefined: Stripe is not configured, so nothing can be bought. */
  readonly gateway: StripeGateway | undefined;
  readonly outbox: StripeOutbox;
  /** A tenant has one checkout or change at a time. */
  readonly leases: TenantLeases;
  readonly catalogue: Catalogue;
  readonly db: ScopedDb;
  readonly usage: Usage;
  readonly returnLink: ReturnLink;
  /** Origins to which Stripe's pages may return. */
  readonly returnOrigins: () => readonly string[];
  /** Wakes the workers that process the inbox. */
  readonly wakeUp: () => void;
  /**
   * Waits, for a bounded time, until the read models have caught up with the present end of the log.
   * @returns that end
   */
  readonly catchUp: () => Promise<Position>;
}

/** A command that is executed under the lease of its tenant. */
export interface LeasedCommand {
  readonly tenantId: string;
  readonly commandId: string;
  readonly lease: TenantLease;
}
