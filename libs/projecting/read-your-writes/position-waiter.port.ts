import type { Position } from '#event-log/port';

/** Read-your-writes. */
export interface PositionWaiter {
  /** True once every read model that clients can query has the position; false where `timeoutMs` ran out first. */
  waitFor(position: Position, timeoutMs: number): Promise<boolean>;
}
