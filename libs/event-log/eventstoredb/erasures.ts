import { uuidv5 } from '#platform/ids/uuid';
import { tenantPrefix } from '../stream-id';
import type { AppendStream } from './append/append-stream';
import type { Connection } from './connection';
import { OutcomeLost, unavailable } from './errors';
import { readEvents } from './read/client-reads';

/** Holds one fact for each tenant that was erased. The name is none of a product's stream. */
const STREAM = 'erased-tenants';
const TYPE = 'TenantErased';
const PREFIX_LENGTH = tenantPrefix('').length + 32;
/** ms for which what is known of erasures is taken for fresh while a reader catches up. */
const FRESH_MS = 1_000;

/**
 * The tenants that were erased. A tombstone empties a stream, but `$all` shows its events until a scavenge, which never
 * touches the newest chunk: so readers of the whole log leave out what belongs to an erased tenant.
 */
export class Erasures {
  /** As they begin the names of their streams. */
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

  /** Whether the stream of this name belongs to an erased tenant. */
  hide(name: string): boolean {
    return this.#prefixes.size > 0 && this.#prefixes.has(name.slice(0, PREFIX_LENGTH));
  }

  /** Reads what has been added. @throws LogUnavailable */
  refresh(): Promise<void> {
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** @throws LogUnavailable */
  async keepFresh(): Promise<void> {
    if (Date.now() - this.#readAt > FRESH_MS) await this.refresh();
  }

  /** Writes the fact. Idempotent. @throws LogUnavailable */
  async add(line: AppendStream, tenantId: string): Promise<void> {
    await this.refresh();
    if (!this.hide(tenantPrefix(tenantId))) {
      const data = Buffer.from(JSON.stringify({ tenantId }));
      const fact = { id: uuidv5(tenantId, TYPE), type: TYPE, data, metadata: Buffer.from('{}') };
      // A second fact for the same tenant does no harm.
      await line.send(STREAM, 'any', [fact], Date.now() + this.idleMs).catch((error: unknown) => {
        throw unavailable(error instanceof OutcomeLost ? 'an erasure may not have been noted' : 'an erasure', error);
      });
      await this.refresh();
    }
  }

  /** A subscription meets the facts too. */
  notice(record: { readonly streamId: string; readonly data: unknown } | undefined): void {
    if (record?.streamId !== STREAM) return;
    const { tenantId } = record.data as { tenantId?: unknown };
    if (typeof tenantId === 'string') this.#prefixes.add(tenantPrefix(tenantId));
  }

  async #readOn(): Promise<void> {
    const startedAt = Date.now();
    const read = { stream: STREAM, ...(this.#read > 0 ? { from: this.#read } : {}) };
    await readEvents(this.connection, read, this.idleMs, ({ event }) => {
      this.notice(event);
      if (event) this.#read = Math.max(this.#read, Number(event.revision) + 1);
      return undefined;
    });
    this.#readAt = startedAt;
  }
}
