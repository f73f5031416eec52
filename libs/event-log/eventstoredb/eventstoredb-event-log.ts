import { sleep } from '#platform/loops/backoff';
import { createHistory, type History } from '../history';
import {
  type Append,
  type AppendResult,
  type EventLog,
  type EventMark,
  InvalidAppend,
  type LogIdentity,
  LogUnavailable,
  type Page,
  type Position,
  type ReadAll,
  type ReadStream,
  type RecordedEvent,
  type Subscribe,
} from '../port';
import { type StreamId, streamName } from '../stream-id';
import { validateAppend } from '../validate-append';
import { AppendStream } from './append/append-stream';
import { Appender } from './append/appender';
import { InFlight } from './append/in-flight';
import { KnownStreams } from './append/known-streams';
import { StreamHistory } from './append/stream-history';
import { Connection } from './connection';
import { tombstoneStreams } from './delete-tenant';
import { Erasures } from './erasures';
import { unavailable } from './errors';
import { Horizon } from './horizon';
import { Identity } from './identity';
import { type EventStoreDbOptions, type Settings, settingsOf } from './options';
import { createOutage } from './outage';
import { Categories } from './read/categories';
import { readHead } from './read/client-reads';
import { createOldNameWarning } from './read/event-filter';
import { readAll, readStream } from './read/event-pages';
import { findMissing, inspectHistory, readLastEvent } from './read/marks';
import type { ReadDeps } from './read/read-deps';
import { subscribe } from './read/subscribe';

/** ms that `close` waits for calls in progress. */
const DRAIN_MS = 5_000;

/**
 * The event log on EventStoreDB. It connects at the first call. Each instance has its own connection and client, and
 * shares nothing with other instances in the process.
 */
export class EventStoreDbEventLog implements EventLog {
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #appendStream: AppendStream;
  readonly #appender: Appender;
  readonly #deps: ReadDeps;
  readonly #identity: Identity;
  readonly #history: History;
  readonly #closed = new AbortController();
  readonly #active = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(options: EventStoreDbOptions) {
    const settings = settingsOf(options);
    const { upcasters, logger, readDeadlineMs: idleMs } = settings;
    this.#settings = settings;
    const connection = new Connection({ ...settings, patienceMs: settings.appendDeadlineMs });
    this.#connection = connection;
    this.#appendStream = new AppendStream(connection);
    const known = new KnownStreams();
    const erasures = new Erasures(connection, idleMs);
    const horizon = new Horizon();
    const outage = createOutage(logger);
    this.#identity = new Identity(connection, this.#appendStream, idleMs);
    this.#history = createHistory({
      inspect: (mark) => inspectHistory(this.#deps, this.#identity, mark),
      beginEpoch: (seen) => this.#identity.beginEpoch(seen),
      logger,
      intervalMs: settings.historyMs,
    });
    this.#history.onReset(() => {
      known.clear();
      horizon.reset();
    });
    const categories = new Categories(connection, idleMs);
    const warnOfOldName = createOldNameWarning(logger);
    this.#deps = {
      ...{ connection, categories, erasures, known, horizon, upcasters, outage, warnOfOldName, idleMs },
    };
    this.#appender = new Appender(
      this.#appendStream,
      new InFlight(settings.maxInFlight, settings.maxWaiting),
      known,
      new StreamHistory(connection, known, idleMs),
      horizon,
      connection,
      settings,
    );
  }

  async append(append: Append): Promise<AppendResult> {
    const valid = validateAppend(append);
    if (this.#deps.erasures.isErased(streamName(append.stream))) throw new InvalidAppend('the tenant was erased');
    return this.#track(() => this.#appender.append(valid));
  }

  readStream(stream: StreamId, options: ReadStream = {}): Promise<RecordedEvent[]> {
    return this.#track(() => readStream(this.#deps, stream, options));
  }

  readAll(options: ReadAll): Promise<Page> {
    return this.#track(() => readAll(this.#deps, options));
  }

  subscribe(options: Subscribe): AsyncIterable<Page> {
    return subscribe(this.#deps, this.#history, options, this.#closed.signal);
  }

  head(): Promise<Position> {
    return this.#track(async () => {
      const head = await readHead(this.#connection, this.#settings.readDeadlineMs);
      this.#deps.horizon.observe(head);
      return head;
    });
  }

  identity(): Promise<LogIdentity> {
    return this.#track(async () => this.#history.identity ?? this.#identity.read());
  }

  lastEvent(notAfter?: Position): Promise<EventMark | undefined> {
    return this.#track(() => readLastEvent(this.#deps, notAfter));
  }

  missing(marks: readonly EventMark[]): Promise<EventMark[]> {
    return this.#track(() => findMissing(this.#deps, marks));
  }

  /** The server does not draw positions from a sequence, so positions cannot be behind. */
  async checkPositions(): Promise<void> {}

  onHistoryChange(listener: () => void): () => void {
    return this.#history.onChange(listener);
  }

  /**
   * Stores the erasure, which hides the tenant from every reader, then tombstones the tenant's streams. The server
   * deletes the bytes when its operator runs a scavenge.
   */
  deleteTenant(tenantId: string): Promise<void> {
    return this.#track(async () => {
      await this.#deps.erasures.add(this.#appendStream, tenantId);
      const tombstoned = await tombstoneStreams(this.#deps, tenantId);
      for (const name of tombstoned) this.#deps.known.forget(name);
      if (tombstoned.length === 0) return;
      this.#settings.logger.info(
        { tenantId, streams: tombstoned.length },
        'the streams of a tenant are deleted; their events can be read in $all until a scavenge has run on every node',
      );
    });
  }

  ping(): Promise<void> {
    return this.#track(async () => {
      const { pingDeadlineMs } = this.#settings;
      const answered = new AbortController();
      const timeout = sleep(pingDeadlineMs, answered.signal).then(() => {
        if (!answered.signal.aborted) throw new LogUnavailable(`no answer within ${pingDeadlineMs} ms`);
      });
      const probes = Promise.all([this.#appendStream.open(pingDeadlineMs), readHead(this.#connection, pingDeadlineMs)]);
      await Promise.race([probes, timeout])
        .catch((error: unknown) => {
          throw unavailable('the ping failed', error);
        })
        .finally(() => answered.abort());
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    this.#closed.abort();
    this.#history.stop();
    const drained = new AbortController();
    const all = Promise.allSettled(this.#active).then(() => drained.abort());
    await Promise.race([all, sleep(DRAIN_MS, drained.signal)]);
    this.#appendStream.close();
    await this.#connection.close();
  }

  /** Refuses calls after `close`, and registers earlier calls so that `close` waits for them. */
  async #track<T>(action: () => Promise<T>): Promise<T> {
    if (this.#closed.signal.aborted) throw new LogUnavailable('the log is closed');
    const running = action();
    this.#active.add(running);
    try {
      return await running;
    } finally {
      this.#active.delete(running);
    }
  }
}
