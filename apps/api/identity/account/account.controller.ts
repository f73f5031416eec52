import { Body, Controller, Delete, Patch, Post } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { type Digested, withDigest } from '../../http/contract/etag';
import { DigestPreconditions, type MatchesEtag } from '../../http/contract/preconditions';
import { SignedIn } from '../../http/contract/require-permission.decorator';
import { Documented } from '../../http/openapi/documented';
import { Client, type ClientInfo } from '../../http/requests/client';
import { authenticatedUserOf } from '../../http/requests/command-context';
import { Context, type RequestContext } from '../../http/requests/request-context';
import { MeDto } from '../sign-in/identity.dto';
import { IdentityService } from '../sign-in/identity.service';
import { ChangePasswordDto, ChangeProfileDto, EraseDto } from './account.dto';
import { AccountService, preconditionFailed } from './account.service';

/** True if an earlier attempt of the same request has already made the change. */
const isRepeat = ({ name, email }: ChangeProfileDto, current: MeDto, { mayRepeat }: RequestContext): boolean =>
  mayRepeat && (name ?? current.name) === current.name && (email ?? current.email) === current.email;

/** Routes by which the signed-in user changes their profile and password, and erases their account. */
@ApiTags('Identity')
@Controller('v1/me')
export class AccountController {
  constructor(
    private readonly account: AccountService,
    private readonly identity: IdentityService,
  ) {}

  @Patch()
  @SignedIn()
  @Documented({
    id: 'updateProfile',
    storesEvents: false,
    summary: 'Change the name or the e-mail address',
    description:
      'If `email` is sent, `currentPassword` is required: the answer is 400 if it is missing and 403 if it is wrong. The answer is 409 if another account has the address; upper and lower case do not matter. The number of addresses that a user tries in an hour is limited.',
    response: MeDto,
    problems: ['forbidden', 'conflict'],
  })
  async change(
    @Body() body: ChangeProfileDto,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
    @DigestPreconditions() seen: MatchesEtag | undefined,
  ): Promise<Digested<MeDto>> {
    const before = seen && (await this.identity.me(authenticatedUserOf(context)));
    if (before && !seen(before) && !isRepeat(body, before, context)) throw preconditionFailed();
    await this.account.changeProfile(body, context, client, before);
    return withDigest(await this.identity.me(authenticatedUserOf(context)));
  }

  @Post('password')
  @SignedIn()
  @Documented({
    id: 'changePassword',
    storesEvents: false,
    summary: 'Change the password and end all other sessions',
    description:
      'If `currentPassword` is wrong, the answer is 403 and the session continues. Wrong passwords are rate limited. The answer is 409 if another request changes the password at the same time.',
    status: 204,
    problems: ['forbidden', 'conflict'],
  })
  changePassword(
    @Body() body: ChangePasswordDto,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
  ): Promise<void> {
    return this.account.changePassword(body, context, client);
  }

  @Delete()
  @SignedIn()
  @ApiBody({ type: EraseDto, required: false })
  @Documented({
    id: 'eraseAccount',
    summary: 'Erase the user: personal data is deleted, and events keep only the id of the user',
    description:
      'All memberships and sessions of the user end. The answer is 409 while the user is the only owner of an open tenant; `detail` names the tenant. Transfer its ownership or close it first. Send `currentPassword`, unless you have signed in with it in the last 5 minutes: the answer is 403 if it is missing or wrong.',
    status: 204,
    problems: ['forbidden', 'conflict'],
  })
  async erase(
    @Body() body: EraseDto,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
    @DigestPreconditions() seen: MatchesEtag | undefined,
  ): Promise<void> {
    // An earlier attempt of the same request may have ended memberships, which changes the ETag.
    if (seen && !context.mayRepeat && !seen(await this.identity.me(authenticatedUserOf(context))))
      throw preconditionFailed();
    return this.account.erase(body, context, client);
  }
}
