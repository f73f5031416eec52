import { randomUUID } from 'node:crypto';
import { eventId } from '#event-log/event-id';
import { markOf } from '#event-log/history';
import {
  type Append,
  type AppendResult,
  type EventLog,
  type EventMark,
  type Filter,
  HistoryChanged,
  InvalidAppend,
  type JsonObject,
  type LogIdentity,
  LogUnavailable,
  type Page,
  type Position,
  type ReadAll,
  type ReadStream,
  type RecordedEvent,
  type Subscribe,
  WrongExpectedVersion,
} from '#event-log/port';
import { type StreamId, streamName } from '#event-log/stream-id';
import { currentVersion, noUpcasters, type Upcasters, unknownVersion, upcast } from '#event-log/upcasting';
import { validateAppend } from '#event-log/validate-append';

type Stored = Omit<RecordedEvent, 'data'> & { readonly json: string };

/** The data that several instances of the log share, as processes share a database. */
export class InMemoryStore {
  /** In position order. */
  events: Stored[] = [];
  /** The events of each stream, by the name of the stream. */
  readonly streams = new Map<string, Stored[]>();
  readonly erased = new Set<string | null>();
  readonly commands = new Map<string, Omit<AppendResult, 'repeated'>>();
  readonly listeners = new Set<() => void>();
  readonly historyListeners = new Set<() => void>();
  position: Position = 0n;
  logId: string = randomUUID();
  epoch = 1;

  /** Simulates the restore of a copy that was made when the head of the log was at the position. */
  goBackTo(position: Position): void {
    this.events = this.events.filter((event) => event.position <= position);
    this.streams.clear();
    for (const event of this.events) {
      const name = streamName(event.stream);
      this.streams.set(name, [...(this.streams.get(name) ?? []), event]);
    }
    for (const [id, result] of this.commands) if (result.position > position) this.commands.delete(id);
    this.position = position;
    this.epoch++;
    for (const listener of [...this.historyListeners, ...this.listeners]) listener();
  }
}

/** The event log port in memory, for tests only. It is correct, but neither durable nor fast. */
export class InMemoryEventLog implements EventLog {
  readonly #closed = new AbortController();

  constructor(
    readonly store: InMemoryStore = new InMemoryStore(),
    readonly upcasters: Upcasters = noUpcasters,
  ) {}

  async append(append: Append): Promise<AppendResult> {
    this.#requireOpen();
    const { json } = validateAppend(append);
    const { stream, expected, expectedCommandId, commandId, events } = append;
    if (this.store.erased.has(stream.tenantId)) throw new InvalidAppend('the tenant was erased');
    const earlier = this.store.commands.get(commandId);
    if (earlier) return { ...earlier, repeated: true };
    const recorded = this.store.streams.get(streamName(stream)) ?? [];
    const isOtherEvent = expectedCommandId !== undefined && expectedCommandId !== recorded.at(-1)?.commandId;
    if (expected !== 'any' && (expected !== recorded.length || (expected > 0 && isOtherEvent))) {
      throw new WrongExpectedVersion(stream, expected, recorded.length);
    }
    const recordedAt = new Date();
    const added = events.map(({ type }, ordinal) => ({
      id: eventId(commandId, ordinal),
      stream,
      version: recorded.length + ordinal + 1,
      position: ++this.store.position,
      type,
      json: json[ordinal] as string,
      commandId,
      actor: append.actor,
      correlationId: append.correlationId,
      causationId: append.causationId ?? commandId,
      accessId: append.accessId ?? null,
      schemaVersion: currentVersion(this.upcasters, type),
      recordedAt,
    }));
    this.store.events.push(...added);
    this.store.streams.set(streamName(stream), [...recorded, ...added]);
    const result = { version: recorded.length + added.length, position: this.store.position };
    this.store.commands.set(commandId, result);
    for (const wake of this.store.listeners) wake();
    return { ...result, repeated: false };
  }

  async readStream(stream: StreamId, { afterVersion = 0, limit }: ReadStream = {}): Promise<RecordedEvent[]> {
    this.#requireOpen();
    const recorded = this.store.streams.get(streamName(stream)) ?? [];
    return recorded.slice(afterVersion, limit === undefined ? undefined : afterVersion + limit).map(this.#read);
  }

  async readAll({ after, limit, ...filter }: ReadAll): Promise<Page> {
    this.#requireOpen();
    const matching = this.store.events.filter((event) => event.position > after && matches(event, filter));
    const events = matching.slice(0, limit).map(this.#read);
    const caughtUp = matching.length <= limit;
    const last = events.at(-1)?.position ?? after;
    const position = caughtUp && this.store.position > last ? this.store.position : last;
    return { events, caughtUp, position, last: await this.lastEvent(position) };
  }

  async *subscribe({ after, pageSize = 1_000, signal, ...filter }: Subscribe): AsyncGenerator<Page> {
    const ended = signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal;
    let position = after;
    let reportedCaughtUp = false;
    const epochAtStart = this.store.epoch;
    while (!ended.aborted) {
      if (this.store.epoch !== epochAtStart) throw new HistoryChanged();
      const page = await this.readAll({ ...filter, after: position, limit: pageSize });
      if (page.position > position || !reportedCaughtUp) yield page;
      position = page.position;
      reportedCaughtUp = page.caughtUp;
      if (reportedCaughtUp && !ended.aborted && this.store.position <= position) await this.#nextAppend(ended);
    }
  }

  async head(): Promise<Position> {
    this.#requireOpen();
    return this.store.position;
  }

  async identity(): Promise<LogIdentity> {
    this.#requireOpen();
    return { logId: this.store.logId, epoch: this.store.epoch };
  }

  async lastEvent(notAfter: Position = this.store.position): Promise<EventMark | undefined> {
    this.#requireOpen();
    const event = this.store.events.findLast(({ position }) => position <= notAfter);
    return event && markOf(event);
  }

  async missing(marks: readonly EventMark[]): Promise<EventMark[]> {
    this.#requireOpen();
    return marks.filter(
      ({ eventId: id, position, tenantId }) =>
        !this.store.erased.has(tenantId ?? '') &&
        !this.store.events.some((event) => event.id === id && event.position === position),
    );
  }

  async checkPositions(): Promise<void> {}

  onHistoryChange(listener: () => void): () => void {
    this.store.historyListeners.add(listener);
    return () => this.store.historyListeners.delete(listener);
  }

  async deleteTenant(tenantId: string): Promise<void> {
    this.#requireOpen();
    const { store } = this;
    store.erased.add(tenantId);
    store.events = store.events.filter(({ stream }) => stream.tenantId !== tenantId);
    for (const [name, [first]] of store.streams) if (first?.stream.tenantId === tenantId) store.streams.delete(name);
  }

  async ping(): Promise<void> {
    this.#requireOpen();
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  readonly #read = ({ json, ...event }: Stored): RecordedEvent => {
    const { upcasters } = this;
    const { type, schemaVersion } = event;
    let data: JsonObject | undefined;
    return {
      ...event,
      get data() {
        data ??= upcast(upcasters, type, schemaVersion, JSON.parse(json) as JsonObject);
        return data;
      },
      undecodable: unknownVersion(upcasters, type, schemaVersion),
      schemaVersion: Math.max(schemaVersion, currentVersion(upcasters, type)),
    };
  };

  #nextAppend(ended: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.store.listeners.delete(wake);
        ended.removeEventListener('abort', wake);
        resolve();
      };
      this.store.listeners.add(wake);
      ended.addEventListener('abort', wake);
    });
  }

  #requireOpen(): void {
    if (this.#closed.signal.aborted) throw new LogUnavailable('the log is closed');
  }
}

const matches = ({ stream, type }: Stored, { tenantId, types }: Filter): boolean =>
  (tenantId === undefined || stream.tenantId === tenantId) && (types === undefined || types.includes(type));
