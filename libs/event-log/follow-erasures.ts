import { backoff, sleep } from '../platform/backoff';
import type { EventLog, Position } from './port';

const RETRY = { firstMs: 50, maxMs: 1_000 };

/** Tells of every tenant that is erased from now on, by whichever process, so that nothing of it is kept in memory. */
export const followErasures = (
  log: EventLog,
  onErased: (tenantId: string) => void,
): { readonly stop: () => Promise<void> } => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const follow = async (): Promise<void> => {
    let after: Position | undefined;
    for (let failed = 0; !signal.aborted; ) {
      try {
        after ??= await log.head();
        for await (const { events, position } of log.subscribe({ after, types: ['TenantErased'], signal })) {
          for (const { data } of events) onErased(String(data['tenantId']));
          after = position;
          failed = 0;
        }
      } catch {
        // The log is away, or was closed before this was.
      }
      await sleep(backoff(++failed, RETRY), signal);
    }
  };
  const following = follow();
  return {
    stop: async () => {
      stopping.abort();
      await following;
    },
  };
};
