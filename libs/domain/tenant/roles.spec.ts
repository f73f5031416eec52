import { isAtLeast, ROLES } from './roles';

it('ranks owner, admin, member, auditor', () => {
  for (const [high, role] of ROLES.entries()) {
    for (const [low, needed] of ROLES.entries()) expect(isAtLeast(role, needed)).toBe(high <= low);
  }
});
