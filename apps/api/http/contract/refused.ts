/** Somebody of a tenant, or who wanted to join it, was told no. */
export interface Refused {
  readonly tenantId: string;
  /** Null: anyone who wanted to join. Their account is not the tenant's business. */
  readonly userId: string | null;
  /** Method and path template. */
  readonly operation: string;
  readonly requestId: string;
}
