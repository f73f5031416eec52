import {
  type AllStreamResolvedEvent,
  START as BEGINNING,
  type EventStoreDBClient,
  eventTypeFilter,
  type Filter as ServerFilter,
  streamNameFilter,
} from '@eventstore/db-client';
import { type Filter, LogUnavailable, type Position, START } from '../../port';
import { tenantPrefix } from '../../stream-id';
import type { Connection } from '../connection';
import { unavailable } from '../errors';
import type { Horizon } from '../horizon';
import { NOT_OF_THE_SERVER } from './client-reads';
import { whenSilent } from './when-silent';

/** Records that the server reads before it reports its position. */
const CHECKPOINT = 2_000;

/** How the server writes the position before everything: it tells it where it has looked from there and nothing matched. */
const BEFORE_EVERYTHING = 2n ** 64n - 1n;

/**
 * The filter that the server applies. It has one for names of streams or one for types: of two the tenant is the
 * narrower, and types are prefixes to it, so the consumer compares them once more.
 */
const serverFilter = (
  { tenantId, types }: Filter,
  checkpointReached: NonNullable<ServerFilter['checkpointReached']>,
): ServerFilter => {
  // A checkpoint callback must not throw: that would stall the subscription without a word.
  const common = { maxSearchWindow: CHECKPOINT, checkpointInterval: 1, checkpointReached };
  if (tenantId !== undefined) return streamNameFilter({ ...common, prefixes: [tenantPrefix(tenantId)] });
  if (types) return eventTypeFilter({ ...common, prefixes: types.length > 0 ? [...types] : ['$none-'] });
  return eventTypeFilter({ ...common, regex: NOT_OF_THE_SERVER });
};

/** Something that lies behind the events that the stream has taken in by then. */
interface Mark {
  readonly after: number;
  readonly position?: Position;
  readonly live?: boolean;
}

export interface Batch<T> {
  readonly items: T[];
  /** The log has been looked through up to here. */
  readonly position: Position;
  /** Everything that the server had has been handed over. */
  readonly caughtUp: boolean;
}

export interface SubscriptionSourceOptions<T> extends Filter {
  readonly after: Position;
  /** A position of the log that was read before: when the server has caught up, it has been there. */
  readonly head: Position;
  readonly horizon: Horizon;
  /** Items that are held for a consumer at most. */
  readonly capacity: number;
  /** ms without a sign of the server after which it is given up, until it has caught up. */
  readonly idleMs: number;
  /** What the consumer wants of a record; undefined: nothing. What it throws ends the source. */
  readonly take: (record: AllStreamResolvedEvent) => T | undefined;
}

/**
 * One subscription of the client's, as batches that the consumer fetches. It takes records as fast as they come up to its
 * capacity, then pauses the client, whose window then pauses the server.
 */
export class SubscriptionSource<T> {
  readonly #options: SubscriptionSourceOptions<T>;
  readonly #stream: ReturnType<EventStoreDBClient['subscribeToAll']>;
  readonly #unwatch: () => void;
  #items: T[] = [];
  #positions: Position[] = [];
  #position: Position;
  #received = 0;
  #marks: Mark[] = [];
  #live = false;
  /** Whether something has happened that the consumer has not received. */
  #news = false;
  /** Of life, from the server. */
  #signs = 0;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(connection: Connection, options: SubscriptionSourceOptions<T>) {
    this.#options = options;
    this.#position = options.after;
    const { after, head, idleMs } = options;
    this.#stream = connection.client.subscribeToAll({
      fromPosition: after === START ? BEGINNING : { commit: after, prepare: after },
      filter: serverFilter(options, (_, { commit, prepare }) => {
        // One that could not be resumed from is of no use.
        if (commit === prepare && commit !== BEFORE_EVERYTHING) this.#mark({ position: commit });
      }),
    });
    this.#stream
      .on('data', this.#take)
      .on('error', (error) => this.#fail(unavailable('a subscription broke', error)))
      .on('end', () => this.#fail(new LogUnavailable('the server has ended a subscription')))
      .on('confirmation', () => {
        connection.answered();
        this.#signs++;
      })
      .on('caughtUp', () => this.#mark({ live: true, position: head }))
      .on('fellBehind', () => this.#mark({ live: false }));
    // Silence means nothing once it has caught up, or where this side has asked for it.
    const progress = (): number => (this.#live || this.#stream.isPaused() ? ++this.#signs : this.#signs);
    const unwatchQuiet = whenSilent(idleMs, progress, () =>
      this.#fail(new LogUnavailable(`no sign of the server within ${idleMs} ms`)),
    );
    const unwatchNode = connection.watch((error) => this.#fail(error));
    this.#unwatch = () => {
      unwatchQuiet();
      unwatchNode();
    };
  }

  /**
   * The next items, `limit` at most; waits for news. undefined when the signal aborts.
   * @throws LogUnavailable, or what `take` threw, after everything before it has been handed over
   */
  async next(limit: number, signal?: AbortSignal): Promise<Batch<T> | undefined> {
    if (!this.#news) await this.#waitForNews(signal);
    if (signal?.aborted) return undefined;
    if (this.#items.length === 0 && this.#failure !== undefined) throw this.#failure;
    const all = this.#items.length <= limit;
    const items = all ? this.#items : this.#items.slice(0, limit);
    const position = all ? this.#position : (this.#positions[limit - 1] as Position);
    this.#items = all ? [] : this.#items.slice(limit);
    this.#positions = all ? [] : this.#positions.slice(limit);
    const caughtUp = all && this.#live && this.#stream.readableLength === 0;
    this.#news = !all || this.#failure !== undefined;
    if (this.#stream.isPaused() && this.#items.length < this.#options.capacity) this.#stream.resume();
    return { items, position, caughtUp };
  }

  close(): void {
    this.#unwatch();
    this.#fail(new LogUnavailable('the subscription is closed'));
    // The server continues until it gets the request to stop. What has come already must flow away, or the call never ends.
    void this.#stream.unsubscribe().catch(() => undefined);
    this.#stream.resume();
  }

  readonly #take = (record: AllStreamResolvedEvent): void => {
    if (this.#failure !== undefined) return;
    this.#received++;
    this.#signs++;
    try {
      const item = this.#options.take(record);
      const position = record.event?.position.commit;
      if (position !== undefined && position > this.#position) this.#position = position;
      this.#options.horizon.meet(position);
      if (item !== undefined) {
        this.#items.push(item);
        this.#positions.push(this.#position);
        if (this.#items.length >= this.#options.capacity) this.#stream.pause();
      }
    } catch (error) {
      this.#fail(error);
    }
    if (this.#marks.length > 0) this.#passMarks();
    this.#tell();
  };

  /** Counts the events that came before the mark and that the stream has not handed over yet. */
  #mark(mark: Omit<Mark, 'after'>): void {
    this.#signs++;
    this.#marks.push({ ...mark, after: this.#received + this.#stream.readableLength });
    this.#passMarks();
    this.#tell();
  }

  #passMarks(): void {
    for (let mark = this.#marks[0]; mark && mark.after <= this.#received; mark = this.#marks[0]) {
      this.#marks.shift();
      if (mark.position !== undefined && mark.position > this.#position) this.#position = mark.position;
      if (mark.live !== undefined) this.#live = mark.live;
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#tell();
  }

  #tell(): void {
    this.#news = true;
    this.#wake?.();
  }

  /** Then lets the stream hand over what has come in the same go, so that a batch is not one record. */
  async #waitForNews(signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#wake = undefined;
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal?.addEventListener('abort', wake);
      if (signal?.aborted) wake();
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
}
