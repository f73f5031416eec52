import type { Position } from '#event-log/port';

/** Read-your-writes: lets a request wait until the read models contain its own write. */
export interface PositionWaiter {
  /**
   * Resolves to true when every read model that clients can query has reached the position, and to false after
   * `timeoutMs` (ms).
   */
  waitFor(position: Position, timeoutMs: number): Promise<boolean>;
}
