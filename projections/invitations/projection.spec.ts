import type { TenantEvent } from '#domain/tenant/events';
import { project, recorded } from '#testing/given-when-then';
import { INVITATION, memberInvited, memberJoined, USERS } from '#testing/tenant-facts';
import { invitationsProjection } from './projection';

const tenant_id = '01a20000-0000-7000-8000-0000000000ff';
const at = (version: number, event: TenantEvent) =>
  recorded({ ...event, stream: { tenantId: tenant_id, aggregate: 'tenant', id: tenant_id }, version });

const key = { tenant_id, invitation_id: INVITATION };
const invited = at(2, memberInvited({ maxUses: 3, emailDomains: ['acme.example'] }));
const used = at(3, memberJoined(USERS.member, 'member', INVITATION, 1));
const usedAgain = at(4, memberJoined(USERS.stranger, 'member', INVITATION, 2));
const revoked = at(5, { type: 'InvitationRevoked', data: { invitationId: INVITATION } });

const row = {
  ...key,
  role: 'member',
  max_uses: 3,
  uses: 0,
  expires_at: '2026-02-01T00:00:00.000Z',
  revoked: false,
  email_domains: '["acme.example"]',
  invited_by: USERS.owner,
};

describe('the invitations read model', () => {
  it('has a row for each invitation, without uses at first', () =>
    project(invitationsProjection, invited).thenRows('invitations', row));
  it('has the invitation of each token', () =>
    project(invitationsProjection, invited).thenRows('invitation_tokens', { ...key, token_hash: 'hash of the token' }));
  it('counts the uses', () =>
    project(invitationsProjection, invited, used, usedAgain).thenRows('invitations', { ...row, uses: 2 }));
  it('counts the uses in a row that was made in an earlier batch', () =>
    project(invitationsProjection, usedAgain).thenPatched('invitations', key, { uses: 2 }));
  it('keeps a revoked invitation and marks it', () =>
    project(invitationsProjection, invited, used, revoked).thenRows('invitations', { ...row, uses: 1, revoked: true }));
  it('marks a revoked invitation in a row that was made in an earlier batch', () =>
    project(invitationsProjection, revoked).thenPatched('invitations', key, { revoked: true }));
});
