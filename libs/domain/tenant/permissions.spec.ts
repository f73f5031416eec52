import type { PaymentState } from './billing-account';
import { hasPermission, isBlockedByLock, PERMISSIONS, type Permission, rolesNeeded } from './permissions';
import { ROLES } from './roles';

const permissions = Object.keys(PERMISSIONS) as Permission[];

describe('permissions', () => {
  it.each(permissions)('an owner has %s', (permission) => expect(hasPermission('owner', permission)).toBe(true));
  it.each(permissions)('an auditor has %s only if it is audit.read or members.leave', (permission) =>
    expect(hasPermission('auditor', permission)).toBe(permission === 'audit.read' || permission === 'members.leave'),
  );
  it('an admin has every permission of a member', () => {
    for (const it of permissions) if (hasPermission('member', it)) expect(hasPermission('admin', it)).toBe(true);
  });
  it('names the roles that a refused action needs', () =>
    expect(rolesNeeded('teams.write')).toBe('This action needs the role owner or admin.'));

  it('are these for each role', () => {
    const permissionsOf = Object.fromEntries(
      ROLES.map((role) => [role, permissions.filter((it) => hasPermission(role, it))]),
    );
    const member = ['workspace.read', 'members.read', 'members.leave', 'teams.read', 'projects.read', 'projects.write'];
    member.push('tasks.read', 'tasks.write', 'usage.read');
    const admin = [
      ...member,
      'workspace.rename',
      'members.change-role',
      'members.remove',
      'teams.write',
      'billing.read',
    ];
    admin.push('invitations.read', 'invitations.create', 'invitations.revoke', 'audit.read', 'feed.read');
    expect(permissionsOf).toEqual({
      owner: permissions,
      admin: permissions.filter((it) => admin.includes(it)),
      member: permissions.filter((it) => member.includes(it)),
      auditor: ['members.leave', 'audit.read'],
    });
    const ofOwnersOnly = permissions.filter((it) => !admin.includes(it));
    expect(ofOwnersOnly).toEqual(['workspace.transfer', 'workspace.close', 'billing.change']);
  });

  describe('while the tenant is', () => {
    const blocked = (kind: PaymentState['kind']): Permission[] =>
      permissions.filter((it) => isBlockedByLock({ kind } as PaymentState, it));
    const working = ['billing.read', 'billing.change', 'usage.read', 'audit.read'];

    it.each(['active', 'past-due'] as const)('%s are not blocked', (kind) => expect(blocked(kind)).toEqual([]));
    it('locked are blocked unless they only read, or serve to pay and to see the use', () =>
      expect(blocked('locked')).toEqual(permissions.filter((it) => !it.endsWith('.read') && !working.includes(it))));
    it('suspended are blocked unless they serve to pay, to see the use or to read the audit trail', () =>
      expect(blocked('suspended')).toEqual(permissions.filter((it) => !working.includes(it))));
  });
});
