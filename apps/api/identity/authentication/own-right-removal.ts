import type { FastifyRequest } from 'fastify';
import type { Permission } from '#domain/tenant/permissions';

const REMOVE_OWN_RIGHT: ReadonlySet<Permission> = new Set([
  ...(['members.leave', 'members.change-role', 'workspace.transfer', 'workspace.close'] as const),
]);

/**
 * True if the write can have removed the right of the user to make this very write, for example by leaving the tenant.
 * A repeat of such a write gets the stored answer, although the user no longer has the right. A user who lost a right
 * in another way gets no stored answers.
 */
export const mayRemoveOwnRight = (request: FastifyRequest, permission: Permission, userId: string): boolean => {
  const { userId: memberId } = request.params as { readonly userId?: string };
  return REMOVE_OWN_RIGHT.has(permission) && (memberId === undefined || memberId.toLowerCase() === userId);
};
