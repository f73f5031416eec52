import type { StripeOutbox } from '../../../libs/billing/calls';
import type { StripeGateway } from '../../../libs/billing/stripe-gateway';
import type { TenantLease, TenantLeases } from '../../../libs/billing/turns';
import type { Position } from '../../../libs/event-log/port';
import type { Catalogue } from '../../../libs/plans/catalogue';
import type { ScopedDb } from '../../../libs/platform/database/scoped-db';
import type { Usage } from '../plans/usage';
import type { ReturnLink } from './stripe/returning';

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
