import { uuidv5 } from '#platform/ids/uuid';
import { tenantPrefix } from '../stream-id';
import type { AppendStream } from './append/append-stream';
import type { Connection } from './connection';
import { OutcomeLost, unavailable } from './errors';
import { readEvents } from './read/client-reads';

/** Holds one event for each tenant that was erased. No stream of an aggregate can have this name. */
const STREAM = 'erased-tenants';
const TYPE = 'TenantErased';
const PREFIX_LENGTH = tenantPrefix('').length + 32;
/** ms for which the known erasures count as current while a reader catches up. */
const FRESH_MS = 1_000;

/**
 * The tenants that were erased. A tombstone empties a stream, but `$all` contains its events until a scavenge, and a
 * scavenge never works on the newest chunk. So readers of the whole log leave out the events of erased tenants.
 */
export class Erasures {
  /** The prefixes of the names of the erased tenants' streams. */
  readonly #prefixes = new Set<string>();
  #read = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly idleMs: number,
  ) {}

  get count(): number {
    return this.#prefixes.size;
  }

  /** Whether the stream belongs to an erased tenant. @param name the name of a stream, or the prefix of a tenant */
  isErased(name: string): boolean {
    return this.#prefixes.size > 0 && this.#prefixes.has(name.slice(0, PREFIX_LENGTH));
  }

  /** Reads the erasures since the last read. @throws LogUnavailable */
  refresh(): Promise<void> {
    this.#reading ??= this.#readNew().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Like `refresh`, unless the last read is less than {@link FRESH_MS} old. @throws LogUnavailable */
  async keepFresh(): Promise<void> {
    if (Date.now() - this.#readAt > FRESH_MS) await this.refresh();
  }

  /** Stores the erasure of a tenant. Idempotent. @throws LogUnavailable */
  async add(appendStream: AppendStream, tenantId: string): Promise<void> {
    await this.refresh();
    if (!this.isErased(tenantPrefix(tenantId))) {
      const data = Buffer.from(JSON.stringify({ tenantId }));
      const fact = { id: uuidv5(tenantId, TYPE), type: TYPE, data, metadata: Buffer.from('{}') };
      // A second event for the same tenant does no harm.
      await appendStream.send(STREAM, 'any', [fact], Date.now() + this.idleMs).catch((error: unknown) => {
        const outcome = error instanceof OutcomeLost ? 'may not have been stored' : 'could not be stored';
        throw unavailable(`the erasure of a tenant ${outcome}`, error);
      });
      await this.refresh();
    }
  }

  /** Learns an erasure from a record that a subscription has received; other records are ignored. */
  learn(record: { readonly streamId: string; readonly data: unknown } | undefined): void {
    if (record?.streamId !== STREAM) return;
    const { tenantId } = record.data as { tenantId?: unknown };
    if (typeof tenantId === 'string') this.#prefixes.add(tenantPrefix(tenantId));
  }

  async #readNew(): Promise<void> {
    const startedAt = Date.now();
    const read = { stream: STREAM, ...(this.#read > 0 ? { from: this.#read } : {}) };
    await readEvents(this.connection, read, this.idleMs, ({ event }) => {
      this.learn(event);
      if (event) this.#read = Math.max(this.#read, Number(event.revision) + 1);
      return undefined;
    });
    this.#readAt = startedAt;
  }
}
