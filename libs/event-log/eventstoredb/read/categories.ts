import type { ResolvedEvent } from '@eventstore/db-client';
import { type Position, START } from '../../port';
import { tenantCategory } from '../../stream-id';
import type { Connection } from '../connection';
import { readEvents } from './client-reads';

/**
 * ms for which a checkpoint of the projection is used, and ms until a server without the projection is queried again.
 */
const FRESH_MS = 1_000;
const ABSENT_MS = 30_000;
/** The number of links in one page. */
const PAGE = 1_000;
/** The maximum number of tenants for which the end of the last page is remembered. */
const MAX_ENDS = 1_000;

/** False for the position -1 (unsigned), which the server returns if it does not know the position. */
const isKnown = (position: Position | undefined): position is Position =>
  position !== undefined && position < 2n ** 63n;

/** The end of the last page that was read of a tenant's links. */
interface PageEnd {
  readonly position: Position;
  /** The revision of the next link. */
  readonly next: number;
}

export interface Linked<T> {
  readonly items: T[];
  /** The position up to which the tenant's events were read. */
  readonly position: Position;
}

/**
 * Reads the events of a tenant by the server's own projection of categories. The projection maintains a stream of links
 * for each category, in the order of the log, and the category of our streams is the tenant. The projection is always a
 * little behind the log. Its links are complete up to its checkpoint; the caller reads later events from the log
 * itself.
 */
export class Categories {
  #checkpoint: Position | undefined;
  #refreshAt = 0;
  readonly #ends = new Map<string, PageEnd>();

  constructor(
    private readonly connection: Connection,
    private readonly idleMs: number,
  ) {}

  /**
   * Reads the tenant's events after a position and converts them.
   * @param limit the maximum number of items
   * @param convert called with each event; undefined leaves the event out
   * @returns undefined if the links cannot be used: the projection does not run, this user may not see it, or its
   * checkpoint is not after the position
   * @throws LogUnavailable, or the error of `convert`
   */
  async read<T>(
    tenantId: string,
    after: Position,
    limit: number,
    convert: (record: ResolvedEvent) => T | undefined,
  ): Promise<Linked<T> | undefined> {
    const checkpoint = await this.#readCheckpoint();
    if (checkpoint === undefined || after >= checkpoint) return undefined;
    const stream = `$ce-${tenantCategory(tenantId)}`;
    const items: T[] = [];
    let next = await this.#firstAfter(stream, after);
    if (next === undefined) return undefined;
    for (;;) {
      const page = await this.#page(stream, next, PAGE);
      for (const record of page) {
        const position = record.event?.position?.commit;
        // A link to an event of an erased stream has no event.
        if (!record.event) continue;
        if (!isKnown(position)) return undefined;
        if (position > checkpoint)
          return this.#rememberEnd(stream, { items, position: checkpoint }, Number(record.link?.revision));
        next = Number(record.link?.revision) + 1;
        const item = position > after ? convert(record) : undefined;
        if (item !== undefined) items.push(item);
        if (items.length === limit) return this.#rememberEnd(stream, { items, position }, next);
      }
      next = Number(page.at(-1)?.link?.revision ?? next - 1) + 1;
      if (page.length < PAGE) return this.#rememberEnd(stream, { items, position: checkpoint }, next);
    }
  }

  #rememberEnd<T>(stream: string, linked: Linked<T>, next: number): Linked<T> {
    this.#ends.delete(stream);
    this.#ends.set(stream, { position: linked.position, next });
    if (this.#ends.size > MAX_ENDS) this.#ends.delete(this.#ends.keys().next().value as string);
    return linked;
  }

  /** The revision of the first link to an event after the position; undefined if the stream does not exist. */
  async #firstAfter(stream: string, after: Position): Promise<number | undefined> {
    const end = this.#ends.get(stream);
    if (end?.position === after) return end.next;
    const [last] = (await this.#read(stream, { backwards: true, maxCount: 1 })) ?? [];
    if (!last) return undefined;
    let low = end !== undefined && end.position < after ? end.next : 0;
    let high = after === START ? low : Number((last.link ?? last.event)?.revision) + 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const [record] = await this.#page(stream, middle, 1);
      const position = record?.event?.position?.commit;
      // The positions of erased events are not known. A start that is too early only costs time.
      if (!isKnown(position)) return low;
      if (position <= after) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async #page(stream: string, from: number, maxCount: number): Promise<ResolvedEvent[]> {
    return (await this.#read(stream, { from, maxCount })) ?? [];
  }

  #read(
    stream: string,
    part: { readonly from?: number; readonly backwards?: boolean; readonly maxCount: number },
  ): Promise<ResolvedEvent[] | undefined> {
    return readEvents(this.connection, { stream, resolveLinks: true, ...part }, this.idleMs, (record) => record);
  }

  /**
   * The position up to which every event has a link. The projection writes its checkpoint after the links, so the
   * checkpoint is never ahead of them.
   */
  async #readCheckpoint(): Promise<Position | undefined> {
    if (Date.now() < this.#refreshAt) return this.#checkpoint;
    try {
      const status = await this.connection.client.getProjectionStatus('$by_category', { deadline: this.idleMs });
      const commit = /^C:(\d+)\//.exec(status?.lastCheckpoint ?? '')?.[1];
      this.#checkpoint = commit === undefined || commit === '0' ? undefined : BigInt(commit);
    } catch {
      // The server runs no projections, or this user may not see them: events are read from the log itself.
      this.#checkpoint = undefined;
    }
    this.#refreshAt = Date.now() + (this.#checkpoint === undefined ? ABSENT_MS : FRESH_MS);
    return this.#checkpoint;
  }
}
