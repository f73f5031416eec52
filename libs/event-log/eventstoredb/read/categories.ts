import type { ResolvedEvent } from '@eventstore/db-client';
import { type Position, START } from '../../port';
import { tenantCategory } from '../../stream-id';
import type { Connection } from '../connection';
import { readEvents } from './client-reads';

/** ms for which the projection's checkpoint is used, and for which a server without one is not asked again. */
const FRESH_MS = 1_000;
const ABSENT_MS = 30_000;
/** Links in one page. */
const PAGE = 1_000;
/** Tenants of which is remembered where the last page ended. */
const MAX_ENDS = 1_000;

/** How the server writes a position that it does not know: -1. */
const known = (position: Position | undefined): position is Position => position !== undefined && position < 2n ** 63n;

interface End {
  readonly position: Position;
  /** Of the next link. */
  readonly next: number;
}

export interface Linked<T> {
  readonly items: T[];
  /** No other event of the tenant lies before it. */
  readonly position: Position;
}

/**
 * A tenant's history by the server's own projection of categories: it keeps a stream of links for each category, in the
 * order of the log, and the names of our streams begin with the tenant. The projection is always a little behind the log;
 * up to its checkpoint its links are whole. The rest the caller looks for in the log itself.
 */
export class Categories {
  #checkpoint: Position | undefined;
  #askAgainAt = 0;
  readonly #ends = new Map<string, End>();

  constructor(
    private readonly connection: Connection,
    private readonly idleMs: number,
  ) {}

  /**
   * What `take` wants of the tenant's events after a position, `limit` at most.
   * @returns undefined where the links can't be used: the projection does not run, this user may not see it, or it has
   * not come as far
   * @throws LogUnavailable, or what `take` throws
   */
  async read<T>(
    tenantId: string,
    after: Position,
    limit: number,
    take: (record: ResolvedEvent) => T | undefined,
  ): Promise<Linked<T> | undefined> {
    const checkpoint = await this.#covered();
    if (checkpoint === undefined || after >= checkpoint) return undefined;
    const stream = `$ce-${tenantCategory(tenantId)}`;
    const items: T[] = [];
    let next = await this.#firstAfter(stream, after);
    if (next === undefined) return undefined;
    for (;;) {
      const page = await this.#page(stream, next, PAGE);
      for (const record of page) {
        const position = record.event?.position?.commit;
        // A link to a stream that was erased leads nowhere.
        if (!record.event) continue;
        if (!known(position)) return undefined;
        if (position > checkpoint)
          return this.#ended(stream, { items, position: checkpoint }, Number(record.link?.revision));
        next = Number(record.link?.revision) + 1;
        const item = position > after ? take(record) : undefined;
        if (item !== undefined) items.push(item);
        if (items.length === limit) return this.#ended(stream, { items, position }, next);
      }
      next = Number(page.at(-1)?.link?.revision ?? next - 1) + 1;
      if (page.length < PAGE) return this.#ended(stream, { items, position: checkpoint }, next);
    }
  }

  #ended<T>(stream: string, linked: Linked<T>, next: number): Linked<T> {
    this.#ends.delete(stream);
    this.#ends.set(stream, { position: linked.position, next });
    if (this.#ends.size > MAX_ENDS) this.#ends.delete(this.#ends.keys().next().value as string);
    return linked;
  }

  /** The first link to an event after the position; undefined where there is no such stream. */
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
      // Of what was erased no position is known. To begin too early costs time alone.
      if (!known(position)) return low;
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

  /** Up to where every event has its link. The checkpoint is written after the links, so it never promises too much. */
  async #covered(): Promise<Position | undefined> {
    if (Date.now() < this.#askAgainAt) return this.#checkpoint;
    try {
      const status = await this.connection.client.getProjectionStatus('$by_category', { deadline: this.idleMs });
      const commit = /^C:(\d+)\//.exec(status?.lastCheckpoint ?? '')?.[1];
      this.#checkpoint = commit === undefined || commit === '0' ? undefined : BigInt(commit);
    } catch {
      // No projections on this server, or not for this user: the log itself is looked through.
      this.#checkpoint = undefined;
    }
    this.#askAgainAt = Date.now() + (this.#checkpoint === undefined ? ABSENT_MS : FRESH_MS);
    return this.#checkpoint;
  }
}
