import type { ResolvedEvent } from '@eventstore/db-client';
import { backoff, sleep } from '#platform/loops/backoff';
import { InvalidAppend, LogUnavailable } from '../../port';
import type { Connection } from '../connection';
import { readEvents, StreamErased, type StreamRead } from '../read/client-reads';
import { coversCommand, type KnownStreams, type SeenEvent, type StoredCommand } from './known-streams';

/**
 * Events in the first page that is read backwards. Each further page is four times as large, up to
 * {@link LARGEST_PAGE}.
 */
const FIRST_PAGE = 64;
const LARGEST_PAGE = 4_096;
/** The maximum number of reads until the stream shows the version that the server has reported. */
const TRIES = 5;

export interface FindOptions {
  /** ms without an answer after which a read fails; the read deadline by default. */
  readonly idleMs?: number;
  /** The version that the server has reported for the stream: a read that ends before it is incomplete. */
  readonly upTo?: number;
}

const seenOf = ({ event }: ResolvedEvent): SeenEvent | undefined => {
  if (!event) return undefined;
  const commandId = (event.metadata as { commandId?: unknown } | undefined)?.commandId;
  return {
    version: Number(event.revision) + 1,
    position: event.position?.commit ?? 0n,
    // An event of another application in one of our streams has a version, but belongs to no command.
    commandId: typeof commandId === 'string' ? commandId : '',
    time: event.created.getTime(),
  };
};

/** Finds the events of a command in a stream, and adds every event that it reads to the known streams. */
export class StreamHistory {
  constructor(
    private readonly connection: Connection,
    private readonly known: KnownStreams,
    private readonly readDeadlineMs: number,
  ) {}

  /**
   * Finds the append of a command in a stream. Reads the events that were added since the last read, and then older
   * events backwards, as far back as the command can lie.
   * @param createdAt when the command was created (ms since 1970); if undefined, the whole stream is read
   * @returns undefined if the stream does not hold the command
   * @throws LogUnavailable
   * @throws InvalidAppend the stream was erased
   */
  async find(
    stream: string,
    commandId: string,
    createdAt: number | undefined,
    options: FindOptions = {},
  ): Promise<StoredCommand | undefined> {
    const { idleMs = this.readDeadlineMs, upTo = 0 } = options;
    for (let tries = 1; ; tries++) {
      const found =
        (await this.#forwards(stream, commandId, idleMs)) ??
        (await this.#backwards(stream, commandId, createdAt, idleMs));
      if (found) return found;
      if ((this.known.get(stream)?.to ?? 0) >= upTo) return undefined;
      // The node may be a former leader that is behind the node that reported the version.
      if (tries === TRIES)
        throw new LogUnavailable('the stream cannot be read up to the version that the server reported');
      await sleep(backoff(tries, { firstMs: 20, maxMs: 200 }));
    }
  }

  async #forwards(stream: string, commandId: string, idleMs: number): Promise<StoredCommand | undefined> {
    const after = this.known.get(stream)?.to;
    if (after === undefined) return undefined;
    const events = await this.#read({ stream, from: after }, idleMs);
    this.known.learn(stream, after, events, true);
    return lastOf(events, commandId) ?? this.known.get(stream)?.commands.get(commandId);
  }

  async #backwards(
    stream: string,
    commandId: string,
    createdAt: number | undefined,
    idleMs: number,
  ): Promise<StoredCommand | undefined> {
    let from = this.known.get(stream)?.from;
    let covered = false;
    for (let maxCount = FIRST_PAGE; ; maxCount = Math.min(LARGEST_PAGE, maxCount * 4)) {
      const known = this.known.get(stream);
      covered ||= known !== undefined && coversCommand(known, createdAt);
      if (covered || from === 1) return undefined;
      const read: StreamRead = { stream, backwards: true, maxCount, ...(from === undefined ? {} : { from: from - 2 }) };
      const events = (await this.#read(read, idleMs)).reverse();
      const first = events[0]?.version ?? 1;
      this.known.learn(stream, first - 1, events, true);
      const found = lastOf(events, commandId);
      if (found) return found;
      from = first;
    }
  }

  async #read(read: StreamRead, idleMs: number): Promise<SeenEvent[]> {
    try {
      return (await readEvents(this.connection, read, idleMs, seenOf)) ?? [];
    } catch (error) {
      if (!(error instanceof StreamErased)) throw error;
      this.known.forget(read.stream);
      throw new InvalidAppend('the stream was erased');
    }
  }
}

/** The last event of the command. The events of an append are adjacent, so no later one lies outside of the page. */
const lastOf = (events: readonly SeenEvent[], commandId: string): StoredCommand | undefined =>
  events.findLast((event) => event.commandId === commandId);
