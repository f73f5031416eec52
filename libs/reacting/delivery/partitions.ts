import { sleep } from '#platform/loops/backoff';

/**
 * Returns undefined when it is done; or the ms after which it is called again, while its partition waits and another
 * one can run.
 */
export type Task = () => Promise<number | undefined>;

interface Partition {
  readonly tasks: Task[];
  state: 'ready' | 'running' | 'paused';
  /** True while its task takes long and runs in addition to `atOnce` others. */
  slow: boolean;
}

/**
 * Runs the tasks of one partition one after the other, and those of different partitions at the same time. Tasks must
 * not reject.
 * @param atOnce the number of tasks that run at the same time; the same number of slow tasks may run in addition
 * @param signal no task is started after it has aborted
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

  const enqueue = (key: string, partition: Partition): void => {
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
      void sleep(pause, signal).then(() => enqueue(key, partition));
      return next();
    }
    partition.tasks.shift();
    if (partition.tasks.length > 0) return enqueue(key, partition);
    partitions.delete(key);
    next();
  };

  return {
    /** Adds tasks to the end of a partition. */
    add: (key: string, ...tasks: readonly Task[]): void => {
      const known = partitions.get(key);
      if (known) {
        known.tasks.push(...tasks);
        return;
      }
      const partition: Partition = { tasks: [...tasks], state: 'ready', slow: false };
      partitions.set(key, partition);
      enqueue(key, partition);
    },
    /** Removes the tasks of a partition, except the first one, which may be running. */
    clear: (key: string): void => {
      const partition = partitions.get(key);
      if (partition) partition.tasks.length = Math.min(1, partition.tasks.length);
    },
    /** Marks the running task of a partition as slow, so that another task can run in its place. */
    markSlow: (key: string): void => {
      const partition = partitions.get(key);
      if (partition?.state !== 'running' || partition.slow || slow >= atOnce) return;
      partition.slow = true;
      slow += 1;
      running -= 1;
      next();
    },
    /** Resolves when no task is running. Call it after the signal has aborted. */
    idle: (): Promise<void> =>
      new Promise((resolve) => {
        onIdle = resolve;
        if (running + slow === 0) resolve();
      }),
  };
};

export type Partitions = ReturnType<typeof createPartitions>;
