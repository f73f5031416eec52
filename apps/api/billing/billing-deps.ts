import type { StripeOutbox } from '#billing/outbox/stripe-outbox';
import type { StripeGateway } from '#billing/stripe/stripe-gateway';
import type { TenantLease, TenantLeases } from '#billing/tenant-lease';
import type { Position } from '#event-log/port';
import type { Catalogue } from '#plans/catalogue/index';
import type { ScopedDb } from '#platform/database/scoped/scoped-db';
import type { Usage } from '../plans/usage';
import type { ReturnLink } from './stripe/return-link';

/** What buying, changing and ending are put together from. */
export interface BillingDeps {
  /** Undefined: nothing can be bought in this installation. */
  readonly gateway: StripeGateway | undefined;
  readonly calls: StripeOutbox;
  /** Of one tenant one checkout or change at a time. */
  readonly turns: TenantLeases;
  readonly catalogue: Catalogue;
  readonly db: ScopedDb;
  readonly usage: Usage;
  readonly returning: ReturnLink;
  /** Origins to which Stripe's pages may return. */
  readonly returnOrigins: () => readonly string[];
  /** Tells the workers that there is something to look at. */
  readonly nudge: () => void;
  /** Waits until the read models have what is in the log now, for a bounded time. @returns that position */
  readonly settled: () => Promise<Position>;
}

/** A command that is carried out while nothing else is changed for the tenant. */
export interface WithTenantLease {
  readonly tenantId: string;
  readonly commandId: string;
  readonly turn: TenantLease;
}
