/** A request that was refused to a member of a tenant, or to a user who wanted to join it. */
export interface RefusedRequest {
  readonly tenantId: string;
  /** Null for a user who wanted to join: the tenant must not learn who it was. */
  readonly userId: string | null;
  /** Method and path template. */
  readonly operation: string;
  readonly requestId: string;
}
