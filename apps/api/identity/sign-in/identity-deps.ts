import { Injectable } from '@nestjs/common';
import { Pool } from 'pg';
import { Passwords } from '#identity/passwords';
import { PendingMemberships } from '#identity/pending-memberships';
import { SignUpStore } from '#identity/sagas/sign-up-store';
import { EndedSessions } from '#identity/sessions/ended-sessions';
import { NetworkMarks } from '#identity/sessions/network-marks';
import { Sessions } from '#identity/sessions/sessions';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { PasswordCheck } from './password-check';
import { SessionOpener } from './session-opener';
import { LiveTenant } from './tenants';

/** Dependencies of the identity service. */
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
    readonly pendingMemberships: PendingMemberships,
  ) {}
}

/** Dependencies that the identity service and the account service share. */
@Injectable()
export class SignInDeps {
  constructor(
    readonly checkPassword: PasswordCheck,
    readonly opener: SessionOpener,
    readonly liveTenant: LiveTenant,
    readonly endedSessions: EndedSessions,
  ) {}
}
