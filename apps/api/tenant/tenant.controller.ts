import { Body, Controller, Get, Inject, Patch } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiTags } from '@nestjs/swagger';
import { RenameTenant } from '../../../libs/domain/tenant/commands';
import type { Tenant } from '../../../libs/domain/tenant/evolve';
import type { Executed } from '../../../libs/event-log/aggregate-store';
import type { ScopedDb } from '../../../libs/platform/database/scoped-db';
import { Problem } from '../../../libs/platform/problems';
import { findTenant } from '../../../projections/tenants/queries';
import { commandContextOf, principalOf } from '../http/command-context';
import { Documented } from '../http/documented';
import { IfMatch, type Versioned, withETag } from '../http/etag';
import { Context, type RequestContext } from '../http/request-context';
import { SCOPED_DB } from '../tokens';
import { ChangeTenantDto, TenantDto } from './tenant.dto';

/** The company that the access token names. */
@ApiTags('Workspace')
@Controller('v1/tenant')
export class TenantController {
  constructor(
    @Inject(SCOPED_DB) private readonly db: ScopedDb,
    private readonly commands: CommandBus,
  ) {}

  @Get()
  @Documented({ summary: 'The workspace: name, plan', response: TenantDto, problems: [] })
  async get(@Context() context: RequestContext): Promise<Versioned<TenantDto>> {
    const tenant = await findTenant(this.db.tenant(principalOf(context).tenantId));
    if (!tenant) throw new Problem('not-found');
    return withETag(new TenantDto(tenant), tenant.version);
  }

  @Patch()
  @Documented({ summary: 'Rename the workspace (admin)', response: TenantDto, problems: ['forbidden', 'conflict'] })
  async change(
    @Context() context: RequestContext,
    @Body() { name, slug }: ChangeTenantDto,
    @IfMatch() expectedVersion: number | undefined,
  ): Promise<Versioned<TenantDto>> {
    const { tenantId, personId } = principalOf(context);
    const renaming = { by: personId, ...(name !== undefined && { name }), ...(slug !== undefined && { slug }) };
    const command = new RenameTenant(tenantId, renaming, commandContextOf(context), expectedVersion);
    const { position, version, state } = await this.commands.execute<RenameTenant, Executed<Tenant>>(command);
    if (state.status !== 'open') throw new Problem('not-found');
    context.position = position;
    return withETag(new TenantDto({ ...state, id: tenantId }), version);
  }
}
