import { Body, Controller, Get, Header, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { SigningKeys } from '../../../../libs/identity/signing-keys';
import { type Digested, withDigest } from '../../http/contract/etag';
import { OfPerson } from '../../http/contract/needs.decorator';
import { Public } from '../../http/contract/public.decorator';
import { RateLimit } from '../../http/limits/rate-limit.decorator';
import { Documented } from '../../http/openapi/documented';
import { Client, type ClientInfo } from '../../http/requests/client';
import { askerOf } from '../../http/requests/command-context';
import { Context, type RequestContext } from '../../http/requests/request-context';
import {
  FoundDto,
  FoundedDto,
  JwksDto,
  MeDto,
  RefreshDto,
  RefreshedDto,
  SignedInDto,
  SignedUpDto,
  SignInDto,
  SignUpDto,
} from './identity.dto';
import { Identity } from './identity.service';

/** Who somebody is, and which company they act in. */
@ApiTags('Identity')
@Controller()
export class IdentityController {
  constructor(
    private readonly identity: Identity,
    private readonly keys: SigningKeys,
  ) {}

  @Post('v1/signup')
  @Public()
  @RateLimit('signup')
  @Documented({
    summary: 'Sign up: a person, their company and its owner, all or nothing',
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
    summary: 'Sign in',
    description:
      'One answer, after the same work, for a wrong password and an unknown address. Wrong passwords are throttled by account and network; right ones are not counted. Who belongs to no company is signed in all the same, for what is about the person.',
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
    summary: 'Trade a refresh token for new tokens',
    description:
      'Each refresh token is good once. Within 10 seconds it may come again and gets the same next one: two tabs that wake up together, or an answer that was lost. Later it ends the session: somebody has a copy of it.',
    response: RefreshedDto,
    status: 201,
    problems: ['unauthenticated'],
  })
  refresh(@Body() { refreshToken }: RefreshDto, @Context() context: RequestContext): Promise<RefreshedDto> {
    return this.identity.refresh(refreshToken, context);
  }

  @Post('v1/tenants')
  @OfPerson()
  @RateLimit('signup')
  @Documented({
    summary: 'Found another company, or one after the last is gone',
    description:
      'The signed-in person is its owner, and the tokens are of a session in it. The session that asks goes on.',
    response: FoundedDto,
    status: 201,
  })
  found(
    @Body() { companyName }: FoundDto,
    @Context() context: RequestContext,
    @Client() client: ClientInfo,
  ): Promise<FoundedDto> {
    return this.identity.found(companyName, context, client);
  }

  @Get('v1/me')
  @OfPerson()
  @Documented({ summary: 'The signed-in person and their companies', response: MeDto, versioned: true })
  async me(@Context() context: RequestContext): Promise<Digested<MeDto>> {
    return withDigest(await this.identity.me(askerOf(context)));
  }

  @Get('.well-known/jwks.json')
  @Public()
  @Header('cache-control', 'public, max-age=300')
  @Documented({ summary: 'The public keys of access tokens (RFC 7517)', response: JwksDto })
  jwks(): JwksDto {
    return { keys: [...this.keys.jwks()] };
  }
}
