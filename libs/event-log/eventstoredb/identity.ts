import { randomUUID } from 'node:crypto';
import { type LogIdentity, LogUnavailable, WrongExpectedVersion } from '../port';
import type { AppendStream } from './append/append-stream';
import type { Connection } from './connection';
import { unavailable } from './errors';
import { readEvents } from './read/client-reads';

/**
 * Its first event holds the id of the log; each later event begins an epoch. No stream of an aggregate has this name.
 */
const STREAM = 'log-identity';
const TRIES = 3;

const identityOf = (data: unknown, revision: bigint): LogIdentity => {
  const { logId } = data as { logId?: unknown };
  if (typeof logId !== 'string') {
    throw new LogUnavailable(
      `the stream ${STREAM} was written by another application; use an EventStoreDB that does not hold that stream`,
    );
  }
  return { logId, epoch: Number(revision) + 1 };
};

/** The identity of the log, which the first process that reads it creates. */
export class Identity {
  constructor(
    private readonly connection: Connection,
    private readonly appendStream: AppendStream,
    private readonly idleMs: number,
  ) {}

  /** @throws LogUnavailable */
  async read(): Promise<LogIdentity> {
    return (await this.#last()) ?? this.#add({ logId: randomUUID(), epoch: 0 }, 'LogFounded');
  }

  /** Raises the epoch, unless another process has raised it since this process read it. @throws LogUnavailable */
  beginEpoch(seen: LogIdentity): Promise<LogIdentity> {
    return this.#add(seen, 'EpochBegun');
  }

  async #last(): Promise<LogIdentity | undefined> {
    const read = { stream: STREAM, backwards: true, maxCount: 1 };
    const found = await readEvents(this.connection, read, this.idleMs, ({ event }) => event);
    const event = found?.[0];
    return event && identityOf(event.data, event.revision);
  }

  async #add({ logId, epoch }: LogIdentity, type: string): Promise<LogIdentity> {
    const fact = { id: randomUUID(), type, data: Buffer.from(JSON.stringify({ logId })), metadata: Buffer.from('{}') };
    for (let tries = 1; ; tries++) {
      // If several processes write at once, one succeeds. The others use what it has written, and so does a process
      // whose answer was lost.
      await this.appendStream.send(STREAM, epoch, [fact], Date.now() + this.idleMs).catch((error: unknown) => {
        if (tries === TRIES && !(error instanceof WrongExpectedVersion))
          throw unavailable('the identity of the log could not be written', error);
      });
      const last = await this.#last();
      if (last && last.epoch > epoch) return last;
      if (tries === TRIES) throw new LogUnavailable(`the stream ${STREAM} could not be written`);
    }
  }
}
