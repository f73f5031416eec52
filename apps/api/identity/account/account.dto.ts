import { ApiProperty } from '@nestjs/swagger';
import { MAX_PASSWORD, MIN_PASSWORD } from '#identity/passwords';
import type { SessionRow } from '#identity/sessions/session-list';
import { Email, Opaque, Text, Uuid } from '../../http/validation/fields';
import { MayBeAbsent } from '../../http/validation/validation';
import { TenantOfUserDto, TokensDto } from '../sign-in/identity.dto';

export class SessionDto {
  @ApiProperty({ format: 'uuid', description: 'Id of the session. `DELETE /v1/sessions/{id}` ends the session.' })
  readonly id: string;
  @ApiProperty({ description: '`true` for the session of this request, `false` for all others.' })
  readonly current: boolean;
  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'Id of the tenant that the session uses. `null`: the session has no tenant.',
  })
  readonly tenantId: string | null;
  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'IP address from which the session was used last, to sign in or to change something. `null`: it is not known, or it was erased after the time of retention.',
    example: '203.0.113.7',
  })
  readonly address: string | null;
  @ApiProperty({
    type: String,
    nullable: true,
    description: '`User-Agent` header of the client at that address. `null`: the client sent none, or it was erased.',
    example: 'curl/8.5.0',
  })
  readonly userAgent: string | null;
  @ApiProperty({ format: 'date-time', description: 'When the session began (UTC).' })
  readonly createdAt: string;
  @ApiProperty({
    format: 'date-time',
    description:
      'When the tokens of the session were last refreshed (UTC). Before the first refresh, this is `createdAt`.',
  })
  readonly lastUsedAt: string;

  constructor({ id, tenantId, address, userAgent, createdAt, lastUsedAt }: SessionRow, currentId: string) {
    this.id = id;
    this.current = id === currentId;
    this.tenantId = tenantId;
    this.address = address;
    this.userAgent = userAgent;
    this.createdAt = createdAt.toISOString();
    this.lastUsedAt = lastUsedAt.toISOString();
  }
}

export class SessionPageDto {
  @ApiProperty({
    type: [SessionDto],
    description: 'The sessions of this page, newest first. Ended sessions are left out.',
  })
  readonly data!: readonly SessionDto[];
  @ApiProperty({
    ...{ type: String, nullable: true },
    description: 'Send it as `cursor` to get the next page. `null` on the last page.',
  })
  readonly nextCursor!: string | null;
}

export class SwitchDto {
  @Uuid({ description: 'Id of the tenant to switch to. `GET /v1/me` lists your tenants.' })
  tenantId!: string;
}

export class SwitchedDto extends TokensDto {
  @ApiProperty({ type: TenantOfUserDto, description: 'Tenant of the new session.' })
  tenant!: TenantOfUserDto;
}

export class ChangePasswordDto {
  @Text({
    ...{ max: MAX_PASSWORD, format: 'password', example: 'correct horse battery staple' },
    description: 'The present password of the signed-in user.',
  })
  currentPassword!: string;

  @Text({
    ...{ min: MIN_PASSWORD, max: MAX_PASSWORD, format: 'password', example: 'a new horse and a new staple' },
    description: `The new password: ${MIN_PASSWORD} to ${MAX_PASSWORD} characters on one line.`,
  })
  newPassword!: string;
}

export class ChangeProfileDto {
  @Text({ ...{ max: 200, optional: true, example: 'Ada Lovelace' }, description: 'New name. Omit to keep the name.' })
  name?: string;

  @Email({
    optional: true,
    example: 'ada@acme.example',
    description: 'New e-mail address, which needs `currentPassword`. Omit to keep the address.',
  })
  email?: string;

  @Text({
    ...{ max: MAX_PASSWORD, format: 'password', optional: true, example: 'correct horse battery staple' },
    description: 'The present password. Required if `email` is sent.',
  })
  currentPassword?: string;
}

@MayBeAbsent()
export class SignOutDto {
  @Opaque({
    ...{ max: 200, optional: true },
    description:
      'A refresh token of the session. Send it in place of an access token, for example after that has expired.',
  })
  refreshToken?: string;
}

@MayBeAbsent()
export class EraseDto {
  @Text({
    max: MAX_PASSWORD,
    format: 'password',
    optional: true,
    description:
      'The present password. It may be left out in the first 5 minutes of a session that was opened with the password; otherwise the answer is 403 without it.',
  })
  currentPassword?: string;
}
