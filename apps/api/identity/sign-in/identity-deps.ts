import { Injectable } from '@nestjs/common';
import { Pool } from 'pg';
import { EndedSessions } from '../../../../libs/identity/ended-sessions';
import { NetworkMarks } from '../../../../libs/identity/network-marks';
import { Passwords } from '../../../../libs/identity/passwords';
import { Sessions } from '../../../../libs/identity/sessions';
import { SignUpStore } from '../../../../libs/identity/sign-up-store';
import { ScopedDb } from '../../../../libs/platform/database/scoped-db';
import { PasswordCheck } from './password-check';
import { SessionOpener } from './session-opener';
import { LiveTenant } from './tenants';

/** What signing up, in and on needs. */
@Injectable()
export class IdentityDeps {
  constructor(
    /** Connects as the app role. */
    readonly pool: Pool,
    readonly db: ScopedDb,
    readonly passwords: Passwords,
    readonly sessions: Sessions,
    readonly signUps: SignUpStore,
    readonly markOf: NetworkMarks,
  ) {}
}

/** What the routes of identity and of accounts share. */
@Injectable()
export class SignInDeps {
  constructor(
    readonly check: PasswordCheck,
    readonly opener: SessionOpener,
    readonly liveTenant: LiveTenant,
    readonly ended: EndedSessions,
  ) {}
}
