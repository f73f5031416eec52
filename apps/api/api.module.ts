import { type DynamicModule, Module } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import type { InboxOperations } from '../../libs/billing/operations';
import { CommandsModule } from '../../libs/commands/commands.module';
import type { InvitationTokens } from '../../libs/identity/invitation-tokens';
import type { OperatorTokens } from '../../libs/identity/operator-tokens';
import type { SigningKeys } from '../../libs/identity/signing-keys';
import { BillingController } from './billing/billing.controller';
import type { Billing } from './billing/billing.service';
import { type Webhook, WebhookController } from './billing/webhook.controller';
import { AccountController } from './identity/account.controller';
import { IdentityController } from './identity/identity.controller';
import { type IdentityProviderParts, identityProviders } from './identity/providers';
import { SessionsController } from './identity/sessions.controller';
import { InvitationsController } from './invitations/invitations.controller';
import { JoinPageController } from './join/join-page.controller';
import { MembersController } from './members/members.controller';
import { OpsBillingController } from './ops/billing.controller';
import { createGate } from './ops/gate';
import { OperatorController } from './ops/operator.controller';
import { OpsPagesController } from './ops/pages.controller';
import type { Plans } from './plans/open-plans';
import { PlansController } from './plans/plans.controller';
import { ProjectsController } from './projects/projects.controller';
import type { PublicUrl } from './public-url';
import { TasksController } from './tasks/tasks.controller';
import { TeamsController } from './teams/teams.controller';
import { TenantController } from './tenant/tenant.controller';
import {
  BACKFILL,
  BILLING,
  CATALOGUE,
  INBOX,
  INVITATION_TOKENS,
  OPERATORS,
  PUBLIC_URL,
  QUOTA,
  RETENTION_DAYS,
  SCOPED_DB,
  SIGNING_KEYS,
  USAGE,
  WEBHOOK,
} from './tokens';

export interface ApiParts extends Omit<IdentityProviderParts, 'callsOf'> {
  readonly keys: SigningKeys;
  /** Days for which what a closed company wrote is kept. */
  readonly retentionDays: number;
  readonly invitationTokens: InvitationTokens;
  readonly operatorTokens: OperatorTokens;
  readonly publicUrl: PublicUrl;
  readonly plans: Plans;
  readonly billing: Billing;
  readonly inbox: InboxOperations;
  /** Has the workers read Stripe's own list of events. */
  readonly backfill: () => Promise<void>;
  /** Null where the installation has no Stripe. */
  readonly webhook: Webhook | null;
}

/** Every controller, and so every route of the contract. */
export const CONTROLLERS = [
  ...[IdentityController, AccountController, SessionsController],
  ...[InvitationsController, JoinPageController],
  ...[PlansController, BillingController, WebhookController],
  ...[OperatorController, OpsPagesController, OpsBillingController],
  ...[TenantController, MembersController, TeamsController, ProjectsController, TasksController],
];

/** The routes, and what they are made of. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest's dynamic modules are made this way.
export class ApiModule {
  static with(all: ApiParts): DynamicModule {
    const {
      keys,
      retentionDays,
      invitationTokens,
      operatorTokens,
      publicUrl,
      plans,
      billing,
      inbox,
      backfill,
      webhook,
      ...rest
    } = all;
    const { guard, catalogue, quota, usage, callsOf } = plans;
    const parts = { ...rest, callsOf };
    return {
      module: ApiModule,
      imports: [CommandsModule.with({ store: parts.store, limits: guard }), PassportModule],
      controllers: CONTROLLERS,
      providers: [
        ...identityProviders(parts),
        { provide: INBOX, useValue: inbox },
        { provide: BACKFILL, useValue: backfill },
        { provide: BILLING, useValue: billing },
        { provide: WEBHOOK, useValue: webhook },
        { provide: CATALOGUE, useValue: catalogue },
        { provide: QUOTA, useValue: quota },
        { provide: USAGE, useValue: usage },
        { provide: SCOPED_DB, useValue: parts.db },
        { provide: SIGNING_KEYS, useValue: keys },
        { provide: RETENTION_DAYS, useValue: retentionDays },
        { provide: INVITATION_TOKENS, useValue: invitationTokens },
        { provide: OPERATORS, useValue: createGate({ tokens: operatorTokens, publicUrl }) },
        { provide: PUBLIC_URL, useValue: publicUrl },
      ],
    };
  }
}
