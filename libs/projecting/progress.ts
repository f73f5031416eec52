import type { Position } from '../event-log/port';

/** How far each projection is known to be, and a word to whoever waits for it. */
export const createProgress = () => {
  const positions = new Map<string, Position>();
  const listeners = new Set<() => void>();
  return {
    positions: positions as ReadonlyMap<string, Position>,
    /** Positions that are behind what is known are ignored. */
    report: (projection: string, position: Position): void => {
      const known = positions.get(projection);
      if (known !== undefined && known >= position) return;
      positions.set(projection, position);
      for (const listener of listeners) listener();
    },
    /** A rebuild may put a read model back: what was known of it no longer holds. */
    forget: (projection: string): void => {
      positions.delete(projection);
    },
    onChange: (listener: () => void): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};

export type Progress = ReturnType<typeof createProgress>;
