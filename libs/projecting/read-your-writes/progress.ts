import type { Position } from '#event-log/port';

/** The highest known position of each projection, and the listeners that are called when it changes. */
export const createProgress = () => {
  const positions = new Map<string, Position>();
  const refused = new Set<string>();
  const listeners = new Set<() => void>();
  const notify = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    positions: positions as ReadonlyMap<string, Position>,
    /** Reports a position. It is ignored if it is not higher than the known one, or if the projection is refused. */
    report: (projection: string, position: Position): void => {
      if (refused.has(projection)) return;
      const known = positions.get(projection);
      if (known !== undefined && known >= position) return;
      positions.set(projection, position);
      notify();
    },
    /** Deletes the known position: a rebuild, a restore or a failover may have put the read model back. */
    forget: (projection: string): void => {
      if (positions.delete(projection)) notify();
    },
    /** Replaces the list of projections whose checkpoints do not belong to the log. They have no known position. */
    refuse: (projections: Iterable<string>): void => {
      refused.clear();
      let forgotten = false;
      for (const projection of projections) {
        refused.add(projection);
        forgotten = positions.delete(projection) || forgotten;
      }
      if (forgotten) notify();
    },
    /** @returns a function that removes the listener */
    onChange: (listener: () => void): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};

export type Progress = ReturnType<typeof createProgress>;
