import { hasPermission, PERMISSIONS, type Permission, rolesNeeded } from './permissions';

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
});
