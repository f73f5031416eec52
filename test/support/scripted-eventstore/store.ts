/** One record of the log, as EventStoreDB stores it. */
export interface Stored {
  readonly position: bigint;
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
  /** In units of 100 ns since 1970. */
  readonly created: bigint;
}

export type Proposed = Pick<Stored, 'id' | 'type' | 'contentType' | 'data' | 'metadata'>;

/** The expected revision of the stream's last event; -1n: the stream must not exist. */
export type Expected = bigint | 'any' | 'stream_exists';

export type Outcome =
  | { readonly kind: 'stored'; readonly revision: bigint; readonly position: bigint }
  | { readonly kind: 'conflict'; readonly current: bigint }
  | { readonly kind: 'deleted' };

const TOMBSTONE = 2n ** 63n - 1n;
const system = { contentType: 'application/json', data: Buffer.from('{}'), metadata: Buffer.alloc(0) };

/**
 * The log of a healthy single node, with the idempotency rules of EventStoreDB. A repeated append is recognised by its
 * event ids at the expected revision; with `any`, by the event ids that the server has in memory, which are lost in a
 * restart; with `stream_exists`, never.
 */
export class Store {
  readonly log: Stored[] = [];
  readonly #streams = new Map<string, Stored[]>();
  readonly #deleted = new Set<string>();
  readonly #recentIds = new Map<string, Stored>();
  readonly #waiting = new Set<() => void>();

  constructor() {
    this.#write('$users', [{ ...system, id: '00000000-0000-4000-8000-000000000001', type: '$UserCreated' }]);
  }

  append(stream: string, expected: Expected, events: readonly Proposed[]): Outcome {
    if (this.#deleted.has(stream)) return { kind: 'deleted' };
    const recorded = this.#streams.get(stream) ?? [];
    const current = BigInt(recorded.length) - 1n;
    const earlier = this.#earlier(recorded, expected, events);
    if (earlier) return { kind: 'stored', revision: earlier.revision, position: earlier.position };
    if (expected === 'stream_exists' ? current < 0n : expected !== 'any' && expected !== current) {
      return { kind: 'conflict', current };
    }
    const last = this.#write(stream, events).at(-1) as Stored;
    if (this.log.length % 25 === 0) {
      const id = `00000000-0000-4000-8000-${this.log.length.toString(16).padStart(12, '0')}`;
      this.#write('$stats-127.0.0.1:2113', [{ ...system, id, type: '$statsCollected' }]);
    }
    return { kind: 'stored', revision: last.revision, position: last.position };
  }

  /** The records of a stream; undefined if it does not exist. */
  read(stream: string): readonly Stored[] | undefined {
    return this.#streams.get(stream);
  }

  /** The position up to which {@link categorise} has processed the log. */
  categorised = 0n;

  /** Does what the projection `$by_category` does: adds a link to `$ce-<category>` for each event without one. */
  categorise(): void {
    const linked = this.categorised;
    for (const { stream, type, position, revision } of [...this.log]) {
      if (position <= linked) continue;
      this.categorised = position;
      const hyphen = stream.indexOf('-');
      if (type.startsWith('$') || hyphen < 0) continue;
      const id = `00000000-0000-4000-a000-${position.toString(16).padStart(12, '0')}`;
      const data = Buffer.from(`${revision}@${stream}`);
      this.#write(`$ce-${stream.slice(0, hyphen)}`, [{ ...system, id, type: '$>', data }]);
    }
  }

  /** The event to which a link leads; undefined if its stream was deleted. */
  resolve({ data }: Stored): Stored | undefined {
    const [revision, stream = ''] = Buffer.from(data).toString('utf8').split(/@(.*)/s);
    return this.#deleted.has(stream) ? undefined : this.#streams.get(stream)?.[Number(revision)];
  }

  isDeleted(stream: string): boolean {
    return this.#deleted.has(stream);
  }

  tombstone(stream: string): void {
    this.#deleted.add(stream);
    const id = `00000000-0000-4000-9000-${this.log.length.toString(16).padStart(12, '0')}`;
    this.#write(stream, [{ ...system, id, type: '$streamDeleted' }], TOMBSTONE);
  }

  /** Forgets the event ids in memory, as a restart of the server does. */
  forgetIds(): void {
    this.#recentIds.clear();
  }

  /** The index in the log of the first record after the position; undefined if no record has that position. */
  indexAfter(position: bigint): number | undefined {
    let [low, high] = [0, this.log.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = (this.log[middle] as Stored).position;
      if (found === position) return middle + 1;
      if (found < position) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** Resolves with the next write, or when the signal aborts. */
  written(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
      if (signal.aborted) wake();
    });
  }

  #earlier(recorded: readonly Stored[], expected: Expected, events: readonly Proposed[]): Stored | undefined {
    if (expected === 'stream_exists' || events.length === 0) return undefined;
    let found: Stored | undefined;
    for (const [ordinal, { id }] of events.entries()) {
      found = expected === 'any' ? this.#recentIds.get(id) : recorded[Number(expected) + 1 + ordinal];
      if (found?.id !== id) return undefined;
    }
    return found;
  }

  #write(stream: string, events: readonly Proposed[], at?: bigint): Stored[] {
    const recorded = this.#streams.get(stream) ?? [];
    const created = BigInt(Date.now()) * 10_000n;
    const added = events.map((event) => {
      const before = this.log.at(-1);
      const position = before ? before.position + 80n + BigInt(before.data.length) : 1_000n;
      const revision = at ?? BigInt(recorded.length);
      const stored: Stored = { ...event, position, stream, revision, created };
      this.log.push(stored);
      recorded.push(stored);
      this.#recentIds.set(event.id, stored);
      return stored;
    });
    this.#streams.set(stream, recorded);
    for (const wake of [...this.#waiting]) wake();
    return added;
  }
}
