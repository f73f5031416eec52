/**
 * Runs the commands of this process on one stream one after the other. If they ran at once, all but one would fail on
 * the expected version, and would have to read and decide again. Commands of other processes are not queued here: the
 * expected version in the log detects them.
 */
export const createStreamQueue = () => {
  /** The last command of each stream that has a command in progress. */
  const lastCommands = new Map<string, Promise<unknown>>();
  return async <T>(streamName: string, command: () => Promise<T>): Promise<T> => {
    const previous = lastCommands.get(streamName);
    const running = previous ? previous.then(command, command) : command();
    lastCommands.set(streamName, running);
    try {
      return await running;
    } finally {
      if (lastCommands.get(streamName) === running) lastCommands.delete(streamName);
    }
  };
};
