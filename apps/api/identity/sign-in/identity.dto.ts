import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { MAX_PASSWORD, MIN_PASSWORD } from '../../../../libs/identity/passwords';
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

  @Uuid({ optional: true, description: 'The company to act in; the one used last unless given.' })
  tenantId?: string;
}

export class RefreshDto {
  @Opaque({ max: 200 })
  refreshToken!: string;
}

export class TokensDto {
  @ApiProperty({ description: 'A JWT for `Authorization: Bearer …`.' })
  accessToken!: string;
  @ApiProperty({ description: 'Good for one refresh.' })
  refreshToken!: string;
  @ApiProperty({ description: 'Seconds for which the access token is good.', example: 900 })
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

export class CompanyDto {
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
  @ApiProperty({ type: CompanyDto })
  tenant!: CompanyDto;
}

export class FoundDto {
  @Text({ max: 200, example: 'Acme' })
  companyName!: string;
}

export class FoundedDto extends TokensDto {
  @ApiProperty({ type: CompanyDto })
  tenant!: CompanyDto;
}

export class SignedInDto extends TokensDto {
  @ApiProperty({ type: UserDto })
  user!: UserDto;
  @ApiPropertyOptional({ type: CompanyDto, description: 'The company to act in; left out where there is none.' })
  tenant?: CompanyDto;
  @ApiProperty({ type: [CompanyDto], description: 'Every company that the person belongs to.' })
  companies!: CompanyDto[];
}

export class RefreshedDto extends TokensDto {}

export class MeDto extends UserDto {
  @ApiPropertyOptional({ type: CompanyDto, description: 'The company that the access token names, if it names one.' })
  tenant?: CompanyDto;
  @ApiProperty({ type: [CompanyDto] })
  companies!: CompanyDto[];
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
  @ApiProperty({ description: 'What the header of a token names.', format: 'uuid' })
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
