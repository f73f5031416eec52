import type { ChildProcess } from 'node:child_process';

const started = new Set<ChildProcess>();

/** Remembers a process until it ends. */
export const remember = <Child extends ChildProcess>(child: Child): Child => {
  started.add(child);
  child.once('exit', () => started.delete(child));
  return child;
};

/** Ends whatever still runs of what was started. */
export const endChildren = (): void => {
  for (const child of started) child.kill('SIGTERM');
};
