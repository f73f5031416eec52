import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { MAX_PASSWORD, MIN_PASSWORD } from '#identity/passwords';
import { Email, Opaque, Text, Uuid } from '../../http/validation/fields';

export class SignUpDto {
  @Text({ max: 200, example: 'Acme' })
  companyName!: string;

  @Text({ max: 200, example: 'Ada Lovelace' })
  personName!: string;

  @Email({ example: 'ada@acme.example' })
  email!: string;

  @Text({ min: MIN_PASSWORD, max: MAX_PASSWORD, format: 'password', example: 'correct horse battery staple' })
  password!: string;
}

export class SignInDto {
  @Email({ example: 'ada@acme.example' })
  email!: string;

  @Text({ max: MAX_PASSWORD, format: 'password', example: 'correct horse battery staple' })
  password!: string;

  @Uuid({
    optional: true,
    description: 'Tenant to sign in to. Default: the tenant of the last session, or another open tenant of the user.',
  })
  tenantId?: string;
}

export class RefreshDto {
  @Opaque({ max: 200 })
  refreshToken!: string;
}

export class TokensDto {
  @ApiProperty({ description: 'JWT. Send it as `Authorization: Bearer …`.' })
  accessToken!: string;
  @ApiProperty({ description: 'It can be used for one call of `POST /v1/sessions/refresh`.' })
  refreshToken!: string;
  @ApiProperty({ description: 'Lifetime of the access token in seconds.', example: 900 })
  expiresIn!: number;
}

export class UserDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;
  @ApiProperty({ example: 'Ada Lovelace' })
  name!: string;
  @ApiProperty({ example: 'ada@acme.example' })
  email!: string;
  @ApiProperty({ format: 'date-time' })
  createdAt!: string;
}

export class TenantDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;
  @ApiProperty({ example: 'Acme' })
  name!: string;
  @ApiProperty({ example: 'acme' })
  slug!: string;
  @ApiProperty({ enum: ['owner', 'admin', 'member', 'auditor'] })
  role!: string;
}

export class SignedUpDto extends TokensDto {
  @ApiProperty({ type: UserDto })
  user!: UserDto;
  @ApiProperty({ type: TenantDto })
  tenant!: TenantDto;
}

export class FoundDto {
  @Text({ max: 200, example: 'Acme' })
  companyName!: string;
}

export class FoundedDto extends TokensDto {
  @ApiProperty({ type: TenantDto })
  tenant!: TenantDto;
}

export class SignedInDto extends TokensDto {
  @ApiProperty({ type: UserDto })
  user!: UserDto;
  @ApiPropertyOptional({ type: TenantDto, description: 'Tenant of the session. Missing if the user has no tenant.' })
  tenant?: TenantDto;
  @ApiProperty({ type: [TenantDto], description: 'All open tenants that the user is a member of.' })
  companies!: TenantDto[];
}

export class RefreshedDto extends TokensDto {}

export class MeDto extends UserDto {
  @ApiPropertyOptional({
    type: TenantDto,
    description: 'Tenant of the access token. Missing if the token has no tenant.',
  })
  tenant?: TenantDto;
  @ApiProperty({ type: [TenantDto] })
  companies!: TenantDto[];
}

class JwkDto {
  @ApiProperty({ example: 'EC' })
  kty?: string;
  @ApiProperty({ example: 'P-256' })
  crv?: string;
  @ApiProperty()
  x?: string;
  @ApiProperty()
  y?: string;
  @ApiProperty({ description: 'Key id, as in the `kid` header of a token.', format: 'uuid' })
  kid?: string;
  @ApiProperty({ example: 'sig' })
  use?: string;
  @ApiProperty({ example: 'ES256' })
  alg?: string;
}

export class JwksDto {
  @ApiProperty({ type: [JwkDto] })
  keys!: JwkDto[];
}
