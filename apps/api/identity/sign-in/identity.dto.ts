import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { MAX_PASSWORD, MIN_PASSWORD } from '#identity/passwords';
import { Email, Opaque, Text, Uuid } from '../../http/validation/fields';

export class SignUpDto {
  @Text({ max: 200, example: 'Acme', description: 'Name of the new tenant.' })
  companyName!: string;

  @Text({ max: 200, example: 'Ada Lovelace', description: 'Name of the new user.' })
  personName!: string;

  @Email({
    example: 'ada@acme.example',
    description: 'E-mail address with which the user signs in. Upper and lower case do not matter.',
  })
  email!: string;

  @Text({
    ...{ min: MIN_PASSWORD, max: MAX_PASSWORD, format: 'password', example: 'correct horse battery staple' },
    description: `Password of the new user: ${MIN_PASSWORD} to ${MAX_PASSWORD} characters on one line.`,
  })
  password!: string;
}

export class SignInDto {
  @Email({
    example: 'ada@acme.example',
    description: 'E-mail address of the user. Upper and lower case do not matter.',
  })
  email!: string;

  @Text({
    ...{ max: MAX_PASSWORD, format: 'password', example: 'correct horse battery staple' },
    description: 'Password of the user.',
  })
  password!: string;

  @Uuid({
    optional: true,
    description:
      'Id of the tenant to sign in to. Default: the tenant of the last session, or another tenant of the user if that one is closed or the user has left it.',
  })
  tenantId?: string;
}

export class RefreshDto {
  @Opaque({ max: 200, description: '`refreshToken` from the last answer with tokens. It can be used once.' })
  refreshToken!: string;
}

export class TokensDto {
  @ApiProperty({ description: 'Access token (JWT). Send it with each request as `Authorization: Bearer …`.' })
  accessToken!: string;
  @ApiProperty({
    description:
      'Token for one call of `POST /v1/sessions/refresh`, which returns new tokens after the access token has expired.',
  })
  refreshToken!: string;
  @ApiProperty({ description: 'Lifetime of the access token in seconds.', example: 900 })
  expiresIn!: number;
}

export class UserDto {
  @ApiProperty({ format: 'uuid', description: 'Id of the user. It never changes.' })
  id!: string;
  @ApiProperty({ example: 'Ada Lovelace', description: 'Name of the user.' })
  name!: string;
  @ApiProperty({ example: 'ada@acme.example', description: 'E-mail address with which the user signs in.' })
  email!: string;
  @ApiProperty({ format: 'date-time', description: 'When the account of the user was created (UTC).' })
  createdAt!: string;
}

/** A tenant with the role of the user in it, unlike the `TenantDto` of `GET /v1/tenant`. */
export class TenantOfUserDto {
  @ApiProperty({ format: 'uuid', description: 'Id of the tenant. It never changes.' })
  id!: string;
  @ApiProperty({ example: 'Acme', description: 'Name of the tenant.' })
  name!: string;
  @ApiProperty({
    example: 'acme',
    description: 'Short name of the tenant for links: lower-case letters, digits and hyphens.',
  })
  slug!: string;
  @ApiProperty({
    enum: ['owner', 'admin', 'member', 'auditor'],
    description: 'Role of the signed-in user in this tenant. It decides what the user may do there.',
  })
  role!: string;
}

export class SignedUpDto extends TokensDto {
  @ApiProperty({ type: UserDto, description: 'The new user.' })
  user!: UserDto;
  @ApiProperty({ type: TenantOfUserDto, description: 'The new tenant, which the user owns.' })
  tenant!: TenantOfUserDto;
}

export class CreateTenantDto {
  @Text({ max: 200, example: 'Acme', description: 'Name of the new tenant.' })
  companyName!: string;
}

export class CreatedTenantDto extends TokensDto {
  @ApiProperty({ type: TenantOfUserDto, description: 'The new tenant, which the signed-in user owns.' })
  tenant!: TenantOfUserDto;
}

export class SignedInDto extends TokensDto {
  @ApiProperty({ type: UserDto, description: 'The signed-in user.' })
  user!: UserDto;
  @ApiPropertyOptional({
    type: TenantOfUserDto,
    description: 'Tenant of the session. Missing if the user has no tenant.',
  })
  tenant?: TenantOfUserDto;
  @ApiProperty({ type: [TenantOfUserDto], description: 'All open tenants that the user is a member of.' })
  companies!: TenantOfUserDto[];
}

export class RefreshedDto extends TokensDto {}

export class MeDto extends UserDto {
  @ApiPropertyOptional({
    type: TenantOfUserDto,
    description: 'Tenant of the access token. Missing if the token has no tenant.',
  })
  tenant?: TenantOfUserDto;
  @ApiProperty({ type: [TenantOfUserDto], description: 'All tenants that the user is a member of.' })
  companies!: TenantOfUserDto[];
}

class JwkDto {
  @ApiProperty({ example: 'EC', description: 'Key type: always `EC` (elliptic curve).' })
  kty?: string;
  @ApiProperty({ example: 'P-256', description: 'Curve of the key: always `P-256`.' })
  crv?: string;
  @ApiProperty({ description: 'X coordinate of the public key, in base64url.' })
  x?: string;
  @ApiProperty({ description: 'Y coordinate of the public key, in base64url.' })
  y?: string;
  @ApiProperty({ description: 'Key id, as in the `kid` header of a token.', format: 'uuid' })
  kid?: string;
  @ApiProperty({ example: 'sig', description: 'Use of the key: always `sig` (signatures).' })
  use?: string;
  @ApiProperty({ example: 'ES256', description: 'Signature algorithm: always `ES256`.' })
  alg?: string;
}

export class JwksDto {
  @ApiProperty({
    type: [JwkDto],
    description: 'The current key, the next key, and retired keys whose tokens can still be valid.',
  })
  keys!: JwkDto[];
}
