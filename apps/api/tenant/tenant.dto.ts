import { ApiProperty } from '@nestjs/swagger';
import { timeOfUuidv7 } from '../../../libs/platform/ids/uuid';
import { Text, Uuid } from '../http/fields';

/** What of the workspace shall change. */
export class ChangeTenantDto {
  @Text({ min: 1, max: 200, optional: true, description: "The company's name." })
  name?: string;

  @Text({
    min: 1,
    max: 60,
    optional: true,
    pattern: /^[a-z0-9]+(?:-[a-z0-9]+)*$/,
    patternMessage: 'must be lower-case letters and digits, with single hyphens between them',
    description: 'The short name in links.',
  })
  slug?: string;
}

export class TransferDto {
  @Uuid({ description: 'The member who shall be an owner.' })
  userId!: string;
}

export class CloseTenantDto {
  @Text({ min: 1, max: 200, description: "The company's name, typed again." })
  confirmName!: string;
}

export class ClosedTenantDto {
  @ApiProperty({ format: 'uuid' })
  readonly id!: string;
  @ApiProperty({ format: 'date-time', description: 'When what the company wrote is erased.' })
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
  @ApiProperty({ format: 'date-time' })
  readonly createdAt: string;

  constructor({ id, name, slug, plan }: { id: string; name: string; slug: string; plan: string }) {
    this.id = id;
    this.name = name;
    this.slug = slug;
    this.plan = plan;
    this.createdAt = new Date(timeOfUuidv7(id)).toISOString();
  }
}
