import { eventId } from '../event-log/event-id';
import {
  type Append,
  type AppendResult,
  type EventLog,
  type Filter,
  InvalidAppend,
  type JsonObject,
  LogUnavailable,
  type Page,
  type Position,
  type ReadAll,
  type ReadStream,
  type RecordedEvent,
  type Subscribe,
  WrongExpectedVersion,
} from '../event-log/port';
import { type StreamId, streamName } from '../event-log/stream-id';
import { currentVersion, noUpcasters, type Upcasters, unknownVersion, upcast } from '../event-log/upcasting';
import { validateAppend } from '../event-log/validate-append';

type Stored = Omit<RecordedEvent, 'data'> & { readonly json: string };

/** What several instances share, as processes share a database. */
export class InMemoryStore {
  /** In position order. */
  events: Stored[] = [];
  /** Streams by name; a slot is empty where the tenant has been erased. */
  readonly streams = new Map<string, Stored[]>();
  readonly erased = new Set<string | null>();
  readonly commands = new Map<string, Omit<AppendResult, 'repeated'>>();
  readonly listeners = new Set<() => void>();
  position: Position = 0n;
}

/** The event log port in memory, for tests only: correct, and nothing more. */
export class InMemoryEventLog implements EventLog {
  readonly #closed = new AbortController();

  constructor(
    readonly store: InMemoryStore = new InMemoryStore(),
    readonly upcasters: Upcasters = noUpcasters,
  ) {}

  async append(append: Append): Promise<AppendResult> {
    this.#requireOpen();
    const { json } = validateAppend(append);
    const { stream, expected, commandId, events } = append;
    if (this.store.erased.has(stream.tenantId)) throw new InvalidAppend('the tenant was erased');
    const first = this.store.commands.get(commandId);
    if (first) return { ...first, repeated: true };
    const recorded = this.store.streams.get(streamName(stream)) ?? [];
    if (expected !== 'any' && expected !== recorded.length) {
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
    return { events, caughtUp, position: caughtUp && this.store.position > last ? this.store.position : last };
  }

  async *subscribe({ after, pageSize = 1_000, signal, ...filter }: Subscribe): AsyncGenerator<Page> {
    const ended = signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal;
    let position = after;
    let told = false;
    while (!ended.aborted) {
      const page = await this.readAll({ ...filter, after: position, limit: pageSize });
      if (page.position > position || !told) yield page;
      position = page.position;
      told = page.caughtUp;
      if (told && !ended.aborted && this.store.position <= position) await this.#appended(ended);
    }
  }

  async head(): Promise<Position> {
    this.#requireOpen();
    return this.store.position;
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

  #appended(ended: AbortSignal): Promise<void> {
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
