import { Module } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Pool } from 'pg';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import { createJoinStore, JoinStore } from '#identity/sagas/join-store';
import { createInvitationTokens, InvitationTokens } from '#identity/tokens/invitation-tokens';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { createJoinEvents } from '../../bootstrap/sagas/join-events';
import { ApiContext } from '../core/api-context';
import { SignInModule } from '../identity/sign-in/sign-in.module';
import { PlansModule } from '../plans/plans.module';
import { createInvitationPreviews, InvitationPreviews } from './invitation-previews';
import { InvitationsController } from './invitations.controller';
import { createJoinService, JoinService } from './join.service';
import { JoinDeps } from './join-deps';
import { JoinPageController } from './page/join-page.controller';

const joinServiceOf = (deps: JoinDeps, bus: CommandBus): JoinService =>
  createJoinService(
    deps,
    createJoinEvents((command) => bus.execute<typeof command, CommandResult>(command)),
  );

/** Invitations, and how users join a tenant by a link: over the API or on an HTML page. */
@Module({
  imports: [SignInModule, PlansModule],
  controllers: [InvitationsController, JoinPageController],
  providers: [
    {
      provide: InvitationTokens,
      inject: [ApiContext],
      useFactory: ({ secretKey }: ApiContext) => createInvitationTokens(secretKey),
    },
    { provide: JoinStore, inject: [Pool], useFactory: createJoinStore },
    { provide: InvitationPreviews, inject: [ScopedDb], useFactory: createInvitationPreviews },
    JoinDeps,
    { provide: JoinService, inject: [JoinDeps, CommandBus], useFactory: joinServiceOf },
  ],
})
export class InvitationsModule {}
