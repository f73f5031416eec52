import type { ResolvedEvent } from '@eventstore/db-client';
import { backoff, sleep } from '#platform/loops/backoff';
import { InvalidAppend, LogUnavailable } from '../../port';
import type { Connection } from '../connection';
import { readEvents, StreamErased, type StreamRead } from '../read/client-reads';
import { type KnownStreams, reachesBack, type Seen, type StoredCommand } from './known-streams';

/** Events in the first page that is read backwards; each further one is larger. */
const FIRST_PAGE = 64;
const LARGEST_PAGE = 4_096;
/** Times that a stream is read again because it does not show yet what the server has spoken of. */
const TRIES = 5;

export interface Find {
  /** ms without an answer; the read deadline by default. */
  readonly idleMs?: number;
  /** The server has said that the stream is at this version: less than that is not the whole of it. */
  readonly upTo?: number;
}

const seenOf = ({ event }: ResolvedEvent): Seen | undefined => {
  if (!event) return undefined;
  const commandId = (event.metadata as { commandId?: unknown } | undefined)?.commandId;
  return {
    version: Number(event.revision) + 1,
    position: event.position?.commit ?? 0n,
    // Of another application, in a stream of ours: it has a place in the stream and matches no command.
    commandId: typeof commandId === 'string' ? commandId : '',
    time: event.created.getTime(),
  };
};

/** Finds out where in a stream a command lies, and fills the memory of streams as it goes. */
export class StreamHistory {
  constructor(
    private readonly connection: Connection,
    private readonly known: KnownStreams,
    private readonly readDeadlineMs: number,
  ) {}

  /**
   * The command's append as the stream has it now, undefined where it is not there. Reads what has been added since the
   * last time, and backwards no further than the command can lie.
   * @param born when the command was made (ms); undefined: unknown, the whole stream is looked through
   * @throws LogUnavailable
   * @throws InvalidAppend the stream was erased
   */
  async find(
    stream: string,
    commandId: string,
    born: number | undefined,
    options: Find = {},
  ): Promise<StoredCommand | undefined> {
    const { idleMs = this.readDeadlineMs, upTo = 0 } = options;
    for (let tries = 1; ; tries++) {
      const found =
        (await this.#forwards(stream, commandId, idleMs)) ?? (await this.#backwards(stream, commandId, born, idleMs));
      if (found) return found;
      if ((this.known.get(stream)?.to ?? 0) >= upTo) return undefined;
      // A node that has just lost its leadership may lag behind the one that answered.
      if (tries === TRIES) throw new LogUnavailable('the stream cannot be read to its end');
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
    born: number | undefined,
    idleMs: number,
  ): Promise<StoredCommand | undefined> {
    let from = this.known.get(stream)?.from;
    let reached = false;
    for (let maxCount = FIRST_PAGE; ; maxCount = Math.min(LARGEST_PAGE, maxCount * 4)) {
      const known = this.known.get(stream);
      reached ||= known !== undefined && reachesBack(known, born);
      if (reached || from === 1) return undefined;
      const read: StreamRead = { stream, backwards: true, maxCount, ...(from === undefined ? {} : { from: from - 2 }) };
      const events = (await this.#read(read, idleMs)).reverse();
      const first = events[0]?.version ?? 1;
      this.known.learn(stream, first - 1, events, true);
      const found = lastOf(events, commandId);
      if (found) return found;
      from = first;
    }
  }

  async #read(read: StreamRead, idleMs: number): Promise<Seen[]> {
    try {
      return (await readEvents(this.connection, read, idleMs, seenOf)) ?? [];
    } catch (error) {
      if (!(error instanceof StreamErased)) throw error;
      this.known.forget(read.stream);
      throw new InvalidAppend('the stream was erased');
    }
  }
}

/** The last event of the command: events of an append are neighbours, so the last in the page is the last there is. */
const lastOf = (events: readonly Seen[], commandId: string): StoredCommand | undefined =>
  events.findLast((event) => event.commandId === commandId);
