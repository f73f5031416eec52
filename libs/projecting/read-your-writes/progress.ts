import type { Position } from '#event-log/port';

/** How far each projection is known to be, and a call to each listener that waits for it. */
export const createProgress = () => {
  const positions = new Map<string, Position>();
  const refused = new Set<string>();
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    positions: positions as ReadonlyMap<string, Position>,
    /** Positions that are behind what is known are ignored, and so is what is reported of a refused projection. */
    report: (projection: string, position: Position): void => {
      if (refused.has(projection)) return;
      const known = positions.get(projection);
      if (known !== undefined && known >= position) return;
      positions.set(projection, position);
      changed();
    },
    /** A rebuild, a restore or a failover may put a read model back: what was known of it no longer holds. */
    forget: (projection: string): void => {
      if (positions.delete(projection)) changed();
    },
    /** Projections whose checkpoints are no places of the log: they count as being nowhere until the list changes. */
    refuse: (projections: Iterable<string>): void => {
      refused.clear();
      let forgotten = false;
      for (const projection of projections) {
        refused.add(projection);
        forgotten = positions.delete(projection) || forgotten;
      }
      if (forgotten) changed();
    },
    onChange: (listener: () => void): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};

export type Progress = ReturnType<typeof createProgress>;
