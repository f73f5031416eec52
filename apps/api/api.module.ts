import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { PassportModule } from '@nestjs/passport';
import type { InboxOperations } from '../../libs/billing/operations';
import { personHandlers } from '../../libs/domain/person/handlers';
import { projectHandlers } from '../../libs/domain/project/handlers';
import { taskHandlers } from '../../libs/domain/task/handlers';
import { tenantHandlers } from '../../libs/domain/tenant/handlers';
import { AggregateStore } from '../../libs/event-log/aggregate-store';
import type { InvitationTokens } from '../../libs/identity/invitation-tokens';
import type { OperatorTokens } from '../../libs/identity/operator-tokens';
import type { SigningKeys } from '../../libs/identity/signing-keys';
import { LIMIT_GUARD } from '../../libs/plans/limit-guard.port';
import { BillingController } from './billing/billing.controller';
import type { Billing } from './billing/billing.service';
import { type Webhook, WebhookController } from './billing/webhook.controller';
import { AccountController } from './identity/account/account.controller';
import { SessionsController } from './identity/account/sessions.controller';
import { type IdentityProviderParts, identityProviders } from './identity/providers';
import { IdentityController } from './identity/sign-in/identity.controller';
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
      imports: [CqrsModule.forRoot(), PassportModule],
      controllers: CONTROLLERS,
      providers: [
        ...tenantHandlers,
        ...personHandlers,
        ...projectHandlers,
        ...taskHandlers,
        ...identityProviders(parts),
        { provide: AggregateStore, useValue: parts.store },
        { provide: LIMIT_GUARD, useValue: guard },
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
