import { runReaction } from './delivery/run-reaction';
import type { ReactionMetrics } from './metrics';
import type { ReactingOptions } from './options';
import type { Reaction } from './reaction';

export interface ReactionEngineOptions extends Omit<ReactingOptions, 'onAnswered' | 'signal'> {
  readonly reactions: readonly Reaction[];
  readonly metrics: ReactionMetrics;
}

/**
 * Runs every reaction until it is stopped. `stop` resolves when the answers in progress have ended; another worker can
 * then continue.
 */
export const startReactions = ({
  reactions,
  metrics,
  ...options
}: ReactionEngineOptions): { stop(): Promise<void> } => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = [
    ...reactions.map((reaction) => runReaction(reaction, { ...options, signal, onAnswered: metrics.answered })),
    metrics.watch(signal),
  ];
  return {
    stop: async () => {
      stopping.abort();
      await Promise.allSettled(running);
    },
  };
};
