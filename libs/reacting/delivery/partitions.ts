import { sleep } from '#platform/loops/backoff';

/** ms until it is called again, in which its partition waits and the place is another's; undefined: it is done. */
export type Task = () => Promise<number | undefined>;

interface Partition {
  readonly tasks: Task[];
  state: 'ready' | 'running' | 'paused';
  /** It runs beside the others, because it takes long. */
  slow: boolean;
}

/**
 * Runs tasks one after the other within a partition, and those of different partitions at the same time.
 * @param atOnce tasks that run at the same time; as many again that were said to be slow
 */
export const createPartitions = (atOnce: number, signal: AbortSignal) => {
  const partitions = new Map<string, Partition>();
  const ready: string[] = [];
  let [running, slow] = [0, 0];
  let onIdle: (() => void) | undefined;

  const next = (): void => {
    while (!signal.aborted && running < atOnce) {
      const key = ready.shift();
      if (key === undefined) break;
      const partition = partitions.get(key);
      if (partition) void run(key, partition);
    }
    if (running + slow === 0) onIdle?.();
  };

  const become = (key: string, partition: Partition): void => {
    partition.state = 'ready';
    ready.push(key);
    next();
  };

  const run = async (key: string, partition: Partition): Promise<void> => {
    partition.state = 'running';
    running += 1;
    const pause = await partition.tasks[0]?.();
    if (partition.slow) slow -= 1;
    else running -= 1;
    partition.slow = false;
    if (pause !== undefined) {
      partition.state = 'paused';
      void sleep(pause, signal).then(() => become(key, partition));
      return next();
    }
    partition.tasks.shift();
    if (partition.tasks.length > 0) return become(key, partition);
    partitions.delete(key);
    next();
  };

  return {
    add: (key: string, ...tasks: readonly Task[]): void => {
      const known = partitions.get(key);
      if (known) {
        known.tasks.push(...tasks);
        return;
      }
      const partition: Partition = { tasks: [...tasks], state: 'ready', slow: false };
      partitions.set(key, partition);
      become(key, partition);
    },
    /** Forgets the tasks of a partition that have not begun. */
    clear: (key: string): void => {
      const partition = partitions.get(key);
      if (partition) partition.tasks.length = Math.min(1, partition.tasks.length);
    },
    /** What the partition runs takes long: its place is free for another one. */
    isSlow: (key: string): void => {
      const partition = partitions.get(key);
      if (partition?.state !== 'running' || partition.slow || slow >= atOnce) return;
      partition.slow = true;
      slow += 1;
      running -= 1;
      next();
    },
    /** Resolves when nothing runs, once the signal has aborted. */
    idle: (): Promise<void> =>
      new Promise((resolve) => {
        onIdle = resolve;
        if (running + slow === 0) resolve();
      }),
  };
};

export type Partitions = ReturnType<typeof createPartitions>;
