import { Body, Controller, Delete, HttpCode, Patch, Post } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { type Digested, IfMatchDigest, type Seen, withDigest } from '../../http/contract/etag';
import { OfUser } from '../../http/contract/require-permission.decorator';
import { Documented } from '../../http/openapi/documented';
import { Client, type ClientInfo } from '../../http/requests/client';
import { authenticatedUserOf } from '../../http/requests/command-context';
import { Context, type RequestContext } from '../../http/requests/request-context';
import { MeDto } from '../sign-in/identity.dto';
import { IdentityService } from '../sign-in/identity.service';
import { ChangePasswordDto, ChangeProfileDto, EraseDto } from './account.dto';
import { AccountService, changed } from './account.service';

/** An earlier attempt of this very request has done it. */
const isRepeat = ({ name, email }: ChangeProfileDto, now: MeDto, { mayRepeat }: RequestContext): boolean =>
  mayRepeat && (name ?? now.name) === now.name && (email ?? now.email) === now.email;

/** What somebody changes of themselves. */
@ApiTags('Identity')
@Controller('v1/me')
export class AccountController {
  constructor(
    private readonly account: AccountService,
    private readonly identity: IdentityService,
  ) {}

  @Patch()
  @OfUser()
  @Documented({
    summary: 'Change the name or the e-mail address',
    description:
      'A new e-mail address needs `currentPassword` (403 if it is wrong). The answer is 409 if another account has the address; upper and lower case do not matter.',
    response: MeDto,
    problems: ['forbidden', 'conflict'],
  })
  async change(
    @Body() body: ChangeProfileDto,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
    @IfMatchDigest() seen: Seen | undefined,
  ): Promise<Digested<MeDto>> {
    const before = seen && (await this.identity.me(authenticatedUserOf(context)));
    if (before && !seen(before) && !isRepeat(body, before, context)) throw changed();
    await this.account.changeProfile(body, context, client, before);
    return withDigest(await this.identity.me(authenticatedUserOf(context)));
  }

  @Post('password')
  @OfUser()
  @HttpCode(204)
  @Documented({
    summary: 'Change the password and end all other sessions',
    description:
      'A wrong `currentPassword` answers 403 and does not end the session. Wrong passwords are rate limited.',
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
  @OfUser()
  @ApiBody({ type: EraseDto, required: false })
  @HttpCode(204)
  @Documented({
    summary: 'Erase the user: personal data is deleted, events keep only the user’s id',
    description:
      'Ends every membership and session. The answer is 409 while the user is the only owner of a tenant; `detail` names it. Transfer ownership or close the tenant first. The body is optional; a `currentPassword` in it is checked.',
    status: 204,
    problems: ['forbidden', 'conflict'],
  })
  async erase(
    @Body() body: EraseDto,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
    @IfMatchDigest() seen: Seen | undefined,
  ): Promise<void> {
    // An earlier attempt of this very request may have ended memberships.
    if (seen && !context.mayRepeat && !seen(await this.identity.me(authenticatedUserOf(context)))) throw changed();
    return this.account.erase(body, context, client);
  }
}
