import type { Access } from '#access/access';

/** A refused request of a member of a tenant, or of a user who wanted to join the tenant. */
export interface RefusedRequest {
  readonly tenantId: string;
  /** Null for a user who wanted to join, because the tenant must not learn who it was. */
  readonly userId: string | null;
  /** The access of the user; undefined if `userId` is null. */
  readonly access: Access | undefined;
  /** Method and path template, such as `PATCH /v1/teams/:id`. */
  readonly operation: string;
  readonly requestId: string;
}
