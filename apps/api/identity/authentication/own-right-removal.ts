import type { FastifyRequest } from 'fastify';
import type { Permission } from '#domain/tenant/permissions';

const GIVEN_UP_BY: ReadonlySet<Permission> = new Set([
  ...(['members.leave', 'members.change-role', 'workspace.transfer', 'workspace.close'] as const),
]);

/**
 * Whether the write can have taken away the very right that it needs. Its stored answer is sent again to a user who lost the right
 * by it; of everything else somebody who may not do it any more learns nothing, also not what it once came to.
 */
export const mayGiveUpOwnRight = (request: FastifyRequest, permission: Permission, userId: string): boolean => {
  const { userId: memberId } = request.params as { readonly userId?: string };
  return GIVEN_UP_BY.has(permission) && (memberId === undefined || memberId.toLowerCase() === userId);
};
