import { Injectable } from '@nestjs/common';
import { Pool } from 'pg';
import { AccessRecords } from '#access/access-records';
import { Passwords } from '#identity/passwords';
import { PendingMemberships } from '#identity/pending-memberships';
import { JoinStore } from '#identity/sagas/join-store';
import { NetworkMarks } from '#identity/sessions/network-marks';
import { LimitGuard } from '#plans/limit-guard.port';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { TenantStates } from '../../bootstrap/sagas/tenant-states';
import { PasswordCheck } from '../identity/sign-in/password-check';
import { SessionOpener } from '../identity/sign-in/session-opener';
import { LiveTenant } from '../identity/sign-in/tenants';

/** Dependencies of the join service. */
@Injectable()
export class JoinDeps {
  constructor(
    /** Connects as the app role. */
    readonly pool: Pool,
    readonly db: ScopedDb,
    readonly passwords: Passwords,
    readonly joins: JoinStore,
    readonly markOf: NetworkMarks,
    readonly checkPassword: PasswordCheck,
    readonly opener: SessionOpener,
    readonly stateOf: TenantStates,
    readonly liveTenant: LiveTenant,
    readonly limitGuard: LimitGuard,
    readonly accessRecords: AccessRecords,
    readonly pendingMemberships: PendingMemberships,
  ) {}
}
