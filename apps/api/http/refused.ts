/** Somebody of a company was told no. */
export interface Refused {
  readonly tenantId: string;
  readonly personId: string;
  /** Method and path template. */
  readonly operation: string;
  readonly requestId: string;
}
