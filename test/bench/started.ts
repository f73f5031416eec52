import type { ChildProcess } from 'node:child_process';

const started = new Set<ChildProcess>();

/** Adds a process to those that `endChildren` ends, until it ends by itself. */
export const remember = <Child extends ChildProcess>(child: Child): Child => {
  started.add(child);
  child.once('exit', () => started.delete(child));
  return child;
};

/** Ends all remembered processes that are still running. */
export const endChildren = (): void => {
  for (const child of started) child.kill('SIGTERM');
};
