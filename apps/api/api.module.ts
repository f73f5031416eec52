import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants';
import { commandHandlers } from '#commands/handlers';
import { BillingModule } from './billing/billing.module';
import type { ApiDeps } from './core/api-context';
import { CoreModule, type CoreParts } from './core/core.module';
import { GUARDS } from './guards';
import { AuthenticationModule } from './identity/authentication/authentication.module';
import { IdentityModule } from './identity/identity.module';
import { InvitationsModule } from './invitations/invitations.module';
import { MembersModule } from './members/members.module';
import { OpsModule } from './ops/ops.module';
import { PlansModule } from './plans/plans.module';
import { ProjectsModule } from './projects/projects.module';
import { TasksModule } from './tasks/tasks.module';
import { TeamsModule } from './teams/teams.module';
import { TenantModule } from './tenant/tenant.module';

/** The modules with controllers. */
const FEATURES: Type[] = [
  IdentityModule,
  InvitationsModule,
  PlansModule,
  BillingModule,
  OpsModule,
  TenantModule,
  MembersModule,
  TeamsModule,
  ProjectsModule,
  TasksModule,
];

/** Every controller, and so every documented route. */
export const CONTROLLERS: Type[] = FEATURES.flatMap(
  (feature) => Reflect.getMetadata(MODULE_METADATA.CONTROLLERS, feature) as Type[],
);

/** The root module of the API: its features, its command handlers, and the guards of every request. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest's dynamic modules are made this way.
export class ApiModule {
  static with(deps: ApiDeps, parts: CoreParts): DynamicModule {
    return {
      module: ApiModule,
      imports: [CoreModule.with(deps, parts), AuthenticationModule, ...FEATURES],
      providers: [...GUARDS, ...commandHandlers],
    };
  }
}
