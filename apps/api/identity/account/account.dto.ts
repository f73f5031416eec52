import { ApiProperty } from '@nestjs/swagger';
import { MAX_PASSWORD, MIN_PASSWORD } from '#identity/passwords';
import type { SessionRow } from '#identity/sessions/session-list';
import { Email, Text, Uuid } from '../../http/validation/fields';
import { MayBeAbsent } from '../../http/validation/validation';
import { TenantDto, TokensDto } from '../sign-in/identity.dto';

export class SessionDto {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;
  @ApiProperty({ description: '`true` for the session of this request.' })
  readonly current: boolean;
  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'Tenant of the session. `null` if the session has no tenant.',
  })
  readonly tenantId: string | null;
  @ApiProperty({
    type: String,
    nullable: true,
    description: '`User-Agent` header of the client that opened the session.',
    example: 'curl/8.5.0',
  })
  readonly userAgent: string | null;
  @ApiProperty({ format: 'date-time' })
  readonly createdAt: string;
  @ApiProperty({
    format: 'date-time',
    description: 'Time of the last refresh, or of the sign-in if the session was never refreshed.',
  })
  readonly lastUsedAt: string;

  constructor({ id, tenantId, userAgent, createdAt, lastUsedAt }: SessionRow, currentId: string) {
    this.id = id;
    this.current = id === currentId;
    this.tenantId = tenantId;
    this.userAgent = userAgent;
    this.createdAt = createdAt.toISOString();
    this.lastUsedAt = lastUsedAt.toISOString();
  }
}

export class SessionPageDto {
  @ApiProperty({ type: [SessionDto] })
  readonly data!: readonly SessionDto[];
  @ApiProperty({ type: String, nullable: true })
  readonly nextCursor!: string | null;
}

export class SwitchDto {
  @Uuid({ description: 'Tenant to switch to.' })
  tenantId!: string;
}

export class SwitchedDto extends TokensDto {
  @ApiProperty({ type: TenantDto })
  tenant!: TenantDto;
}

export class ChangePasswordDto {
  @Text({ max: MAX_PASSWORD, format: 'password', example: 'correct horse battery staple' })
  currentPassword!: string;

  @Text({ min: MIN_PASSWORD, max: MAX_PASSWORD, format: 'password', example: 'a new horse and a new staple' })
  newPassword!: string;
}

export class ChangeProfileDto {
  @Text({ max: 200, optional: true, example: 'Ada Lovelace' })
  name?: string;

  @Email({ optional: true, example: 'ada@acme.example', description: 'If it is sent, `currentPassword` is required.' })
  email?: string;

  @Text({ max: MAX_PASSWORD, format: 'password', optional: true, example: 'correct horse battery staple' })
  currentPassword?: string;
}

@MayBeAbsent()
export class EraseDto {
  @Text({ max: MAX_PASSWORD, format: 'password', optional: true, description: 'If it is sent, it is checked.' })
  currentPassword?: string;
}
