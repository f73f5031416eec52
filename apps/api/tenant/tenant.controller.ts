import { Body, Controller, Delete, Get, Patch, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiTags } from '@nestjs/swagger';
import type { RequiredVersion } from '#domain/command';
import type { BillingAccount } from '#domain/tenant/billing-account';
import { TransferOwnership } from '#domain/tenant/decide-members';
import { CloseTenant, RenameTenant } from '#domain/tenant/decide-tenant';
import type { Tenant } from '#domain/tenant/evolve';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import { FOUNDING_TERMS } from '#plans/catalogue/index';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { findTenant } from '#projections/tenants/queries';
import { BillingService } from '../billing/billing.service';
import { ApiContext } from '../core/api-context';
import { type Versioned, withETag } from '../http/contract/etag';
import { Preconditions } from '../http/contract/preconditions';
import { RequirePermission } from '../http/contract/require-permission.decorator';
import { Documented } from '../http/openapi/documented';
import { notFound } from '../http/problems/not-found';
import { commandContextOf, principalOf } from '../http/requests/command-context';
import { Context, type RequestContext } from '../http/requests/request-context';
import type { UsedDto } from '../plans/plan.dto';
import { lastingOf, Usage } from '../plans/usage';
import { ChangeTenantDto, ClosedTenantDto, CloseTenantDto, TenantDto, TransferDto } from './tenant.dto';

const planOf = ({ terms }: BillingAccount): string => (terms ?? FOUNDING_TERMS).plan;

/** The part of the answer that changes without a new version of the tenant: the use of the limits. */
const usageDigestInput = (data: readonly UsedDto[]): string => JSON.stringify(lastingOf(data));

const DAY_MS = 86_400_000;

/** Routes about the tenant in the access token. */
@ApiTags('Tenant')
@Controller('v1/tenant')
export class TenantController {
  constructor(
    private readonly db: ScopedDb,
    private readonly usageOf: Usage,
    private readonly billing: BillingService,
    private readonly context: ApiContext,
    private readonly commands: CommandBus,
  ) {}

  @Get()
  @RequirePermission('workspace.read')
  @Documented({
    id: 'getTenant',
    summary: 'Show the tenant: name, plan, lock, limits and use',
    description: 'Shows the tenant that the access token names. While the tenant is suspended, the answer is 402.',
    response: TenantDto,
    problems: ['forbidden', 'workspace-locked'],
  })
  async get(@Context() context: RequestContext): Promise<Versioned<TenantDto>> {
    const db = this.db.tenant(principalOf(context).tenantId);
    const [tenant, usage] = await Promise.all([findTenant(db), this.usageOf(db)]);
    if (!tenant) throw notFound('tenant');
    return withETag(new TenantDto(tenant, usage.data), tenant.version, usageDigestInput(usage.data));
  }

  @Patch()
  @RequirePermission('workspace.rename')
  @Documented({
    id: 'updateTenant',
    summary: 'Change the name or slug of the tenant',
    description: 'Fields that are not sent stay as they are.',
    response: TenantDto,
    problems: ['forbidden', 'conflict'],
  })
  async change(
    @Context() context: RequestContext,
    @Body() { name, slug }: ChangeTenantDto,
    @Preconditions() requiredVersion: RequiredVersion,
  ): Promise<Versioned<TenantDto>> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, ...(name !== undefined && { name }), ...(slug !== undefined && { slug }) };
    const command = new RenameTenant(tenantId, input, commandContextOf(context), requiredVersion);
    // Runs while the command is executed, because the usage does not depend on the name. An error is thrown below.
    const usageRead = this.usageOf(this.db.tenant(tenantId));
    usageRead.catch(() => undefined);
    const { position, state } = await this.commands.execute<RenameTenant, CommandResult<Tenant>>(command);
    if (state.status !== 'open') throw notFound('tenant');
    context.position = position;
    const { account, version, ...nameAndSlug } = state;
    const usage = await usageRead;
    // The state that the rule decided on may be newer than the read models.
    const countedByState: Readonly<Record<string, number>> = { seats: state.members.size, teams: state.teams.size };
    const data = usage.data.map((it) => ({ ...it, used: countedByState[it.resource] ?? it.used }));
    // A locked tenant cannot be renamed, so it has no lock here.
    const row = {
      ...nameAndSlug,
      id: tenantId,
      version,
      plan: planOf(account),
      lock: 'none',
      lockReason: null,
      lockedSince: null,
    };
    return withETag(new TenantDto(row, data), version, usageDigestInput(data));
  }

  @Post('transfer')
  @RequirePermission('workspace.transfer')
  @Documented({
    id: 'transferOwnership',
    summary: 'Transfer ownership to another member',
    description:
      'The member becomes an owner and you become an admin. Your open invitations for admins are revoked. The answer is 404 if the user is not a member, and 409 if you name yourself.',
    status: 204,
    problems: ['forbidden', 'conflict', 'not-found'],
  })
  async transfer(@Context() context: RequestContext, @Body() { userId: memberId }: TransferDto): Promise<void> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, userId: memberId, at: new Date().toISOString() };
    const command = new TransferOwnership(tenantId, input, commandContextOf(context));
    const { position } = await this.commands.execute<TransferOwnership, CommandResult<Tenant>>(command);
    context.position = position;
  }

  @Delete()
  @RequirePermission('workspace.close')
  @Documented({
    id: 'closeTenant',
    summary: 'Close the tenant',
    description:
      'At most one second after the answer, every server refuses all members of the tenant. Its subscription ends immediately. Its data is kept until `eraseAfter` and then erased. The answer is 409 if `confirmName` is not the exact name of the tenant.',
    response: ClosedTenantDto,
    problems: ['forbidden', 'conflict'],
  })
  async close(
    @Context() context: RequestContext,
    @Body() { confirmName }: CloseTenantDto,
    @Preconditions() requiredVersion: RequiredVersion,
  ): Promise<ClosedTenantDto> {
    const { tenantId, userId } = principalOf(context);
    const eraseAfter = new Date(Date.now() + this.context.settings.tenantRetentionDays * DAY_MS).toISOString();
    const input = { by: userId, confirmName, eraseAfter };
    const command = new CloseTenant(tenantId, input, commandContextOf(context), requiredVersion);
    const { position, state } = await this.commands.execute<CloseTenant, CommandResult<Tenant>>(command);
    if (state.status !== 'closed') throw notFound('tenant');
    await this.billing.closed(tenantId);
    context.position = position;
    return { id: tenantId, eraseAfter: state.eraseAfter };
  }
}
