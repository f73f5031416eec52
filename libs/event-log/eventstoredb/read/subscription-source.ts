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
import { NOT_SYSTEM_TYPE } from './client-reads';
import { whenSilent } from './when-silent';

/** The number of records that the server reads before it reports its position. */
const CHECKPOINT = 2_000;

/** The position before every record (-1, unsigned). The server reports it if no record from the start has matched. */
const BEFORE_EVERYTHING = 2n ** 64n - 1n;

/**
 * The filter that the server applies. The server can filter either by names of streams or by types. If both are given,
 * it filters by the tenant, which matches fewer records. It compares types as prefixes, so the consumer must compare
 * them again.
 */
const serverFilter = (
  { tenantId, types }: Filter,
  checkpointReached: NonNullable<ServerFilter['checkpointReached']>,
): ServerFilter => {
  // A checkpoint callback must not throw: the subscription would stop without an error.
  const common = { maxSearchWindow: CHECKPOINT, checkpointInterval: 1, checkpointReached };
  if (tenantId !== undefined) return streamNameFilter({ ...common, prefixes: [tenantPrefix(tenantId)] });
  if (types) return eventTypeFilter({ ...common, prefixes: types.length > 0 ? [...types] : ['$none-'] });
  return eventTypeFilter({ ...common, regex: NOT_SYSTEM_TYPE });
};

/** A report of the server that takes effect after a number of received events. */
interface Marker {
  readonly after: number;
  readonly position?: Position;
  readonly live?: boolean;
}

export interface Batch<T> {
  readonly items: T[];
  /** The position up to which the log was read. */
  readonly position: Position;
  /** True if the consumer has received every record that the server has sent and the server has caught up. */
  readonly caughtUp: boolean;
}

export interface SubscriptionSourceOptions<T> extends Filter {
  readonly after: Position;
  /** The head of the log, read before. When the server reports that it has caught up, it has reached this position. */
  readonly head: Position;
  readonly horizon: Horizon;
  /** The number of items in the buffer at which the client is paused. */
  readonly capacity: number;
  /** ms without a message of the server after which the source fails. Applies until the server has caught up. */
  readonly idleMs: number;
  /** Converts a record; undefined leaves it out. An error of this function ends the source. */
  readonly convert: (record: AllStreamResolvedEvent) => T | undefined;
}

/**
 * One subscription of the client, as batches that the consumer fetches. It buffers records up to its capacity, then
 * pauses the client. When the window of the client is full, the server pauses, too.
 */
export class SubscriptionSource<T> {
  readonly #options: SubscriptionSourceOptions<T>;
  readonly #stream: ReturnType<EventStoreDBClient['subscribeToAll']>;
  readonly #unwatch: () => void;
  #items: T[] = [];
  #positions: Position[] = [];
  #position: Position;
  #received = 0;
  #markers: Marker[] = [];
  #live = false;
  /** Whether `next` has anything new to return or throw. */
  #hasNews = false;
  /** The number of messages from the server. */
  #messages = 0;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(connection: Connection, options: SubscriptionSourceOptions<T>) {
    this.#options = options;
    this.#position = options.after;
    const { after, head, idleMs } = options;
    this.#stream = connection.client.subscribeToAll({
      fromPosition: after === START ? BEGINNING : { commit: after, prepare: after },
      filter: serverFilter(options, (_, { commit, prepare }) => {
        // A subscription cannot be resumed from any other position.
        if (commit === prepare && commit !== BEFORE_EVERYTHING) this.#addMarker({ position: commit });
      }),
    });
    this.#stream
      .on('data', this.#receive)
      .on('error', (error) => this.#fail(unavailable('a subscription failed', error)))
      .on('end', () => this.#fail(new LogUnavailable('the server has ended a subscription')))
      .on('confirmation', () => {
        connection.answered();
        this.#messages++;
      })
      .on('caughtUp', () => this.#addMarker({ live: true, position: head }))
      .on('fellBehind', () => this.#addMarker({ live: false }));
    // Silence is normal after the server has caught up, and while the client is paused.
    const progress = (): number => (this.#live || this.#stream.isPaused() ? ++this.#messages : this.#messages);
    const unwatchSilence = whenSilent(idleMs, progress, () =>
      this.#fail(new LogUnavailable(`no message from the server within ${idleMs} ms`)),
    );
    const unwatchNode = connection.watch((error) => this.#fail(error));
    this.#unwatch = () => {
      unwatchSilence();
      unwatchNode();
    };
  }

  /**
   * Waits until there is something new, and returns it.
   * @param limit the maximum number of items
   * @returns undefined if the signal aborts
   * @throws LogUnavailable, or the error of `convert`, after every item before the error has been returned
   */
  async next(limit: number, signal?: AbortSignal): Promise<Batch<T> | undefined> {
    if (!this.#hasNews) await this.#waitForNews(signal);
    if (signal?.aborted) return undefined;
    if (this.#items.length === 0 && this.#failure !== undefined) throw this.#failure;
    const all = this.#items.length <= limit;
    const items = all ? this.#items : this.#items.slice(0, limit);
    const position = all ? this.#position : (this.#positions[limit - 1] as Position);
    this.#items = all ? [] : this.#items.slice(limit);
    this.#positions = all ? [] : this.#positions.slice(limit);
    const caughtUp = all && this.#live && this.#stream.readableLength === 0;
    this.#hasNews = !all || this.#failure !== undefined;
    if (this.#stream.isPaused() && this.#items.length < this.#options.capacity) this.#stream.resume();
    return { items, position, caughtUp };
  }

  close(): void {
    this.#unwatch();
    this.#fail(new LogUnavailable('the subscription is closed'));
    // The server sends records until it receives the request to stop. They must be discarded, or the call never ends.
    void this.#stream.unsubscribe().catch(() => undefined);
    this.#stream.resume();
  }

  readonly #receive = (record: AllStreamResolvedEvent): void => {
    if (this.#failure !== undefined) return;
    this.#received++;
    this.#messages++;
    try {
      const item = this.#options.convert(record);
      const position = record.event?.position.commit;
      if (position !== undefined && position > this.#position) this.#position = position;
      this.#options.horizon.observe(position);
      if (item !== undefined) {
        this.#items.push(item);
        this.#positions.push(this.#position);
        if (this.#items.length >= this.#options.capacity) this.#stream.pause();
      }
    } catch (error) {
      this.#fail(error);
    }
    if (this.#markers.length > 0) this.#applyMarkers();
    this.#notify();
  };

  /** Adds a marker after the events that have arrived, including those that the stream has not delivered yet. */
  #addMarker(marker: Omit<Marker, 'after'>): void {
    this.#messages++;
    this.#markers.push({ ...marker, after: this.#received + this.#stream.readableLength });
    this.#applyMarkers();
    this.#notify();
  }

  #applyMarkers(): void {
    for (let marker = this.#markers[0]; marker && marker.after <= this.#received; marker = this.#markers[0]) {
      this.#markers.shift();
      if (marker.position !== undefined && marker.position > this.#position) this.#position = marker.position;
      if (marker.live !== undefined) this.#live = marker.live;
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#notify();
  }

  #notify(): void {
    this.#hasNews = true;
    this.#wake?.();
  }

  /** Also waits until the stream has delivered all records that arrived together, so that a batch is not one record. */
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
