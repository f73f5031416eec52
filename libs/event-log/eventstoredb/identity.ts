import { randomUUID } from 'node:crypto';
import { type LogIdentity, LogUnavailable, WrongExpectedVersion } from '../port';
import type { AppendStream } from './append/append-stream';
import type { Connection } from './connection';
import { unavailable } from './errors';
import { readEvents } from './read/client-reads';

/** Its first event carries the log's id, each later one begins an epoch. The name is none of a product's stream. */
const STREAM = 'log-identity';
const TRIES = 3;

const identityOf = (data: unknown, revision: bigint): LogIdentity => {
  const { logId } = data as { logId?: unknown };
  if (typeof logId !== 'string') throw new LogUnavailable(`the stream ${STREAM} was not written by this product`);
  return { logId, epoch: Number(revision) + 1 };
};

/** Which log this is: written by the first process that asks. */
export class Identity {
  constructor(
    private readonly connection: Connection,
    private readonly line: AppendStream,
    private readonly idleMs: number,
  ) {}

  /** @throws LogUnavailable */
  async read(): Promise<LogIdentity> {
    return (await this.#last()) ?? this.#add({ logId: randomUUID(), epoch: 0 }, 'LogFounded');
  }

  /** Raises the epoch, unless another process has done so since it was seen. @throws LogUnavailable */
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
      // Of several processes one is the first; the others take what it has written, as does one that hears no answer.
      await this.line.send(STREAM, epoch, [fact], Date.now() + this.idleMs).catch((error: unknown) => {
        if (tries === TRIES && !(error instanceof WrongExpectedVersion)) throw unavailable('the log identity', error);
      });
      const last = await this.#last();
      if (last && last.epoch > epoch) return last;
      if (tries === TRIES) throw new LogUnavailable(`the stream ${STREAM} could not be written`);
    }
  }
}
