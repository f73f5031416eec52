import { ApiProperty } from '@nestjs/swagger';
import { timeOfUuidv7 } from '#platform/ids/uuid';
import type { TenantRow } from '#projections/tenants/queries';
import { Text, Uuid } from '../http/validation/fields';
import { UsedDto } from '../plans/plan.dto';

/** Fields that are not sent stay unchanged. */
export class ChangeTenantDto {
  @Text({ min: 1, max: 200, optional: true, description: 'Name of the tenant.', example: 'Acme' })
  name?: string;

  @Text({
    min: 1,
    max: 60,
    optional: true,
    pattern: /^[a-z0-9]+(?:-[a-z0-9]+)*$/,
    patternMessage: 'must be lower-case letters and digits, with single hyphens between them',
    description: 'Short name for links.',
  })
  slug?: string;
}

export class TransferDto {
  @Uuid({ description: 'Member who becomes an owner.' })
  userId!: string;
}

export class CloseTenantDto {
  @Text({ min: 1, max: 200, description: 'Name of the tenant, to confirm the request.', example: 'Acme' })
  confirmName!: string;
}

export class ClosedTenantDto {
  @ApiProperty({ format: 'uuid' })
  readonly id!: string;
  @ApiProperty({ format: 'date-time', description: 'Time from which the data of the tenant is erased.' })
  readonly eraseAfter!: string;
}

export class TenantDto {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;
  @ApiProperty({ example: 'Acme' })
  readonly name: string;
  @ApiProperty({ example: 'acme' })
  readonly slug: string;
  @ApiProperty({ example: 'free' })
  readonly plan: string;
  @ApiProperty({
    enum: ['none', 'locked', 'suspended'],
    description: '`locked`: writes are blocked. `suspended`: reads are blocked as well.',
  })
  readonly lock: string;
  @ApiProperty({ type: String, nullable: true, example: 'payment-failed' })
  readonly lockReason: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readonly lockedSince: string | null;
  @ApiProperty({ type: [UsedDto], description: 'Limits of the plan, with their present use.' })
  readonly limits: UsedDto[];
  @ApiProperty({ format: 'date-time' })
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
