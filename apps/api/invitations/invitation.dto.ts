import { domainToASCII } from 'node:url';
import { ApiProperty } from '@nestjs/swagger';
import { MAX_USES } from '#domain/tenant/decide-invitations';
import { MAX_PASSWORD, MIN_PASSWORD } from '#identity/passwords';
import { timeOfUuidv7 } from '#platform/ids/uuid';
import type { InvitationRow } from '#projections/invitations/queries';
import { field } from '../http/validation/field';
import { Choice, Email, Integer, Opaque, Text, Timestamp } from '../http/validation/fields';
import { TenantOfUserDto, TokensDto, UserDto } from '../identity/sign-in/identity.dto';

const INVITABLE = ['admin', 'member', 'auditor'] as const;
const ASCII_DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/;
/** The characters of a domain before it is converted: `domainToASCII` would extract the host from a text like a URL. */
const UNICODE_DOMAIN = /^[\p{L}\p{M}\p{N}.-]+$/u;
const MAX_DOMAINS = 20;

const isDomainList = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length <= MAX_DOMAINS &&
  value.every(
    (it: unknown) => typeof it === 'string' && UNICODE_DOMAIN.test(it) && ASCII_DOMAIN.test(domainToASCII(it)),
  );

/** Converts domains to ASCII, as a resolver does, so that `müller.de` and `xn--mller-kva.de` are equal. */
const toAsciiDomains = (value: unknown): unknown =>
  isDomainList(value) ? (value as string[]).map(domainToASCII) : value;

export class InviteDto {
  @Choice(INVITABLE, { description: 'Role granted on joining. Only owners may invite admins.', example: 'member' })
  role!: (typeof INVITABLE)[number];

  @Integer({ min: 1, max: MAX_USES, description: 'How many users can join with the link.' })
  maxUses!: number;

  @Timestamp({
    optional: true,
    description:
      'When the invitation expires: an RFC 3339 time with an offset, at most 90 days from now. Default: 7 days from now.',
  })
  expiresAt?: string;

  @field(
    {
      message: `must be a list of at most ${MAX_DOMAINS} domains such as example.com`,
      test: isDomainList,
      normalise: toAsciiDomains,
    },
    {
      optional: true,
      description:
        'Allowed e-mail domains. Omit to allow any. Subdomains are not included. Not available on the plan `free`.',
    },
    { type: [String], maxItems: MAX_DOMAINS },
  )
  emailDomains?: string[];
}

export class InvitationDto {
  @ApiProperty({ format: 'uuid', description: 'Id of the invitation. It is not a part of the link.' })
  readonly id: string;
  @ApiProperty({ enum: INVITABLE, description: 'Role that users get when they join.' })
  readonly role: string;
  @ApiProperty({ description: 'Total number of users who can join with the link.' })
  readonly maxUses: number;
  @ApiProperty({ description: 'How many users have joined with the link.' })
  readonly uses: number;
  @ApiProperty({ description: 'How many more users can join. 0 if the invitation is revoked or expired.' })
  readonly usesLeft: number;
  @ApiProperty({
    enum: ['open', 'spent', 'expired', 'revoked'],
    description:
      '`open`: users can join. `spent`: `maxUses` users have joined. `expired`: `expiresAt` has passed. `revoked`: a member has revoked it, or its creator has left or has a lower role now.',
  })
  readonly state: 'open' | 'spent' | 'expired' | 'revoked';
  @ApiProperty({ format: 'date-time', description: 'When the invitation expires (UTC).' })
  readonly expiresAt: string;
  @ApiProperty({
    type: [String],
    description: 'E-mail domains from which users can join, in ASCII, without subdomains. Empty: any domain.',
  })
  readonly emailDomains: readonly string[];
  @ApiProperty({ format: 'uuid', description: 'Id of the user who created the invitation.' })
  readonly invitedBy: string;
  @ApiProperty({ format: 'date-time', description: 'When the invitation was created (UTC).' })
  readonly createdAt: string;

  constructor(row: InvitationRow) {
    const { id, role, maxUses, uses, expiresAt, emailDomains, invitedBy } = row;
    this.id = id;
    this.role = role;
    this.maxUses = maxUses;
    this.uses = uses;
    this.state = invitationStateOf(row);
    this.usesLeft = this.state === 'open' ? maxUses - uses : 0;
    this.expiresAt = expiresAt.toISOString();
    this.emailDomains = emailDomains;
    this.invitedBy = invitedBy;
    this.createdAt = new Date(timeOfUuidv7(id)).toISOString();
  }
}

export const invitationStateOf = ({ revoked, uses, maxUses, expiresAt }: InvitationRow): InvitationDto['state'] => {
  if (revoked) return 'revoked';
  if (uses >= maxUses) return 'spent';
  return expiresAt.getTime() <= Date.now() ? 'expired' : 'open';
};

export class NewInvitationDto extends InvitationDto {
  @ApiProperty({ description: 'Link to share. Only this answer contains it, because it is not stored.' })
  readonly url: string;

  constructor(row: InvitationRow, url: string) {
    super(row);
    this.url = url;
  }
}

export class InvitationPageDto {
  @ApiProperty({ type: [InvitationDto], description: 'The invitations of this page, newest first.' })
  data!: InvitationDto[];
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Send it as `cursor` to get the next page. `null` on the last page.',
  })
  nextCursor!: string | null;
}

export class PreviewDto {
  @ApiProperty({ example: 'Acme', description: 'Name of the tenant that the user would join.' })
  readonly companyName!: string;
  @ApiProperty({ enum: INVITABLE, description: 'Role that a user gets by joining.' })
  readonly role!: string;
  @ApiProperty({ format: 'date-time', description: 'When the invitation expires (UTC).' })
  readonly expiresAt!: string;
  @ApiProperty({
    type: [String],
    description: 'E-mail domains from which users can join, in ASCII, without subdomains. Empty: any domain.',
  })
  readonly emailDomains!: readonly string[];
  @ApiProperty({ description: 'Always `true`: for a link that cannot be used, the answer is 404.' })
  readonly usable!: boolean;
}

/**
 * A signed-in user sends only the token. Other users also send the address and password of their account, or a name,
 * an address and a password for a new account.
 */
export class AcceptDto {
  @Opaque({ max: 200, description: 'Last path segment of the invitation link.' })
  token!: string;

  @Text({
    ...{ max: 200, optional: true, example: 'Grace Hopper' },
    description: 'Name of a new user. Omit if you are signed in or have an account.',
  })
  personName?: string;

  @Email({
    ...{ optional: true, example: 'grace@acme.example' },
    description: 'E-mail address of a new user or of an account. Omit if you are signed in.',
  })
  email?: string;

  @Text({
    min: MIN_PASSWORD,
    max: MAX_PASSWORD,
    optional: true,
    format: 'password',
    example: 'correct horse battery staple',
    description: `Password for a new user, or the password of the account: ${MIN_PASSWORD} to ${MAX_PASSWORD} characters. Omit if you are signed in.`,
  })
  password?: string;
}

export class AcceptedDto extends TokensDto {
  @ApiProperty({ type: UserDto, description: 'The user who has joined.' })
  readonly user!: UserDto;
  @ApiProperty({
    type: TenantOfUserDto,
    description: 'The tenant that the user has joined. The tokens in this answer are valid for this tenant.',
  })
  readonly tenant!: TenantOfUserDto;
}
