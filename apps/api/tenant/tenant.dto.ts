import { ApiProperty } from '@nestjs/swagger';
import { timeOfUuidv7 } from '#platform/ids/uuid';
import type { TenantRow } from '#projections/tenants/queries';
import { Text, Uuid } from '../http/validation/fields';
import { UsedDto } from '../plans/plan.dto';

/** Fields that are not sent stay unchanged. */
export class ChangeTenantDto {
  @Text({
    min: 1,
    max: 200,
    optional: true,
    description: 'New name of the tenant. Omit to keep the name.',
    example: 'Acme',
  })
  name?: string;

  @Text({
    min: 1,
    max: 60,
    optional: true,
    pattern: /^[a-z0-9]+(?:-[a-z0-9]+)*$/,
    patternMessage: 'must be lower-case letters and digits, with single hyphens between them',
    description: 'New short name for links. Omit to keep it.',
  })
  slug?: string;
}

export class TransferDto {
  @Uuid({ description: 'User id of the member who becomes an owner.' })
  userId!: string;
}

export class CloseTenantDto {
  @Text({
    min: 1,
    max: 200,
    description: 'Exact name of the tenant, to confirm the request. With another name the answer is 409.',
    example: 'Acme',
  })
  confirmName!: string;
}

export class ClosedTenantDto {
  @ApiProperty({ format: 'uuid', description: 'Id of the closed tenant.' })
  readonly id!: string;
  @ApiProperty({ format: 'date-time', description: 'When the data of the tenant is erased (UTC).' })
  readonly eraseAfter!: string;
}

export class TenantDto {
  @ApiProperty({ format: 'uuid', description: 'Id of the tenant. It never changes.' })
  readonly id: string;
  @ApiProperty({ example: 'Acme', description: 'Name of the tenant.' })
  readonly name: string;
  @ApiProperty({
    example: 'acme',
    description: 'Short name of the tenant for links: lower-case letters, digits and hyphens.',
  })
  readonly slug: string;
  @ApiProperty({ example: 'free', description: 'Id of the present plan, as in `GET /v1/plans`.' })
  readonly plan: string;
  @ApiProperty({
    enum: ['none', 'locked', 'suspended'],
    description:
      '`none`: the tenant is not locked. `locked`: writes are blocked. `suspended`: reads are blocked as well. An owner unlocks the tenant by paying.',
  })
  readonly lock: string;
  @ApiProperty({
    ...{ type: String, nullable: true, example: 'payment-failed' },
    description:
      'Why the tenant is locked: `payment-failed` or `subscription-paused`. `null`: the tenant is not locked.',
  })
  readonly lockReason: string | null;
  @ApiProperty({
    ...{ type: String, format: 'date-time', nullable: true },
    description: 'When writes were blocked (UTC). `null`: the tenant is not locked.',
  })
  readonly lockedSince: string | null;
  @ApiProperty({ type: [UsedDto], description: 'Limits of the plan, with their present use.' })
  readonly limits: UsedDto[];
  @ApiProperty({ format: 'date-time', description: 'When the tenant was created (UTC).' })
  readonly createdAt: string;

  constructor({ id, name, slug, plan, ...tenant }: TenantRow, limits: UsedDto[]) {
    this.id = id;
    this.lock = tenant.lock;
    this.lockReason = tenant.lockReason;
    this.lockedSince = tenant.lockedSince?.toISOString() ?? null;
    this.limits = limits;
    this.name = name;
    this.slug = slug;
    this.plan = plan;
    this.createdAt = new Date(timeOfUuidv7(id)).toISOString();
  }
}
