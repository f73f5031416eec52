/** A refused request of a member of a tenant, or of a user who wanted to join the tenant. */
export interface RefusedRequest {
  readonly tenantId: string;
  /** Null for a user who wanted to join, because the tenant must not learn who it was. */
  readonly userId: string | null;
  /** Method and path template, such as `PATCH /v1/teams/:id`. */
  readonly operation: string;
  readonly requestId: string;
}
