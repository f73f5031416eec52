import { Body, Controller, Get, Header, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { SigningKeys } from '#identity/keys/signing-keys';
import { type Digested, withDigest } from '../../http/contract/etag';
import { Public } from '../../http/contract/public.decorator';
import { SignedIn } from '../../http/contract/require-permission.decorator';
import { RateLimit } from '../../http/limits/rate-limit.decorator';
import { Documented } from '../../http/openapi/documented';
import { Client, type ClientInfo } from '../../http/requests/client';
import { authenticatedUserOf } from '../../http/requests/command-context';
import { Context, type RequestContext } from '../../http/requests/request-context';
import {
  CreatedTenantDto,
  CreateTenantDto,
  JwksDto,
  MeDto,
  RefreshDto,
  RefreshedDto,
  SignedInDto,
  SignedUpDto,
  SignInDto,
  SignUpDto,
} from './identity.dto';
import { IdentityService } from './identity.service';

/** Routes to sign up, sign in, refresh tokens, create another tenant and read the own user. */
@ApiTags('Identity')
@Controller()
export class IdentityController {
  constructor(
    private readonly identity: IdentityService,
    private readonly keys: SigningKeys,
  ) {}

  @Post('v1/signup')
  @Public()
  @RateLimit('signup')
  @Documented({
    id: 'signUp',
    summary: 'Sign up: create a user, a tenant, and the user’s membership as owner',
    description:
      'The user is signed in afterwards: the answer has tokens for the new tenant. The answer is 409 if an account with this e-mail address exists: sign in instead, and create another tenant with `POST /v1/tenants`.',
    response: SignedUpDto,
    status: 201,
    problems: ['conflict'],
  })
  signUp(
    @Body() body: SignUpDto,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
  ): Promise<SignedUpDto> {
    return this.identity.signUp(body, context, client);
  }

  @Post('v1/sessions')
  @Public()
  @RateLimit('signin')
  @Documented({
    id: 'signIn',
    storesEvents: false,
    summary: 'Sign in',
    description:
      'A wrong password and an unknown address get the same answer after the same time. Wrong passwords are rate limited: for an account from one network, and for an account from all networks together, except networks from which the user has signed in before. Correct passwords are not counted. A user without a tenant can sign in and use the routes about their account.',
    response: SignedInDto,
    status: 201,
    problems: ['unauthenticated', 'not-found'],
  })
  signIn(
    @Body() body: SignInDto,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
  ): Promise<SignedInDto> {
    return this.identity.signIn(body, context, client);
  }

  @Post('v1/sessions/refresh')
  @Public()
  @RateLimit('signin')
  @Documented({
    id: 'refreshSession',
    storesEvents: false,
    summary: 'Exchange a refresh token for new tokens',
    description:
      'Each refresh token can be used once. If it is sent again within 10 seconds, the answer contains the newest refresh token of the session, because two tabs may refresh at the same time or an answer may be lost. A later repeat ends the session, because the token may have been copied. The answer is 401 if the user is no longer a member of the tenant of the session.',
    response: RefreshedDto,
    status: 201,
    problems: ['unauthenticated'],
  })
  refresh(@Body() { refreshToken }: RefreshDto, @Context() context: RequestContext): Promise<RefreshedDto> {
    return this.identity.refresh(refreshToken, context);
  }

  @Post('v1/tenants')
  @SignedIn()
  @RateLimit('signup')
  @Documented({
    id: 'createTenant',
    summary: 'Create another tenant',
    description:
      'The signed-in user becomes the owner of the tenant and gets the tokens of a new session in it. The present session stays valid.',
    response: CreatedTenantDto,
    status: 201,
  })
  found(
    @Body() { companyName }: CreateTenantDto,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
  ): Promise<CreatedTenantDto> {
    return this.identity.createTenant(companyName, context, client);
  }

  @Get('v1/me')
  @SignedIn()
  @Documented({
    id: 'getProfile',
    summary: 'Show the signed-in user and their tenants',
    description: 'It also works for a user without a tenant.',
    response: MeDto,
    versioned: true,
  })
  async me(@Context() context: RequestContext): Promise<Digested<MeDto>> {
    return withDigest(await this.identity.me(authenticatedUserOf(context)));
  }

  @Get('.well-known/jwks.json')
  @Public()
  @Header('cache-control', 'public, max-age=300')
  @Documented({
    id: 'getSigningKeys',
    summary: 'List the public keys that verify access tokens (RFC 7517)',
    description: 'Other services use these keys to verify access tokens. They may cache the answer for five minutes.',
    response: JwksDto,
  })
  jwks(): JwksDto {
    return { keys: [...this.keys.jwks()] };
  }
}
