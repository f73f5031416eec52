import { type Pool, Query, type QueryConfig } from 'pg';
import { reading } from '../connections';

/** pg's own query, as far as it is extended here; pg exports no types of its inside. */
type Inside = new (config: QueryConfig, callback: (error: Error | null) => void) => object;

/** Before the first row: a signature of 11 bytes, flags, and the length of an extension that there is none of. */
const HEADER = 19;
/** Bytes that rows are gathered in. */
const BLOCK = 256 * 1024;

/** A row in COPY's binary format: for each field its length (-1: null) in four bytes, then so many bytes. */
export interface BinaryRow {
  /** Shared with other rows, and longer than this one. */
  readonly bytes: Buffer;
  /** Where the first field's length is. */
  readonly start: number;
}

/** Keeps rows beyond the message that brought them: the connection uses its buffer again. */
class CopyOut extends (Query as unknown as Inside) {
  readonly rows: BinaryRow[] = [];
  #block = Buffer.allocUnsafe(BLOCK);
  #used = 0;
  #begun = false;

  /** One message is one row, whole; the first one brings the header along, the last one is the trailer (-1) alone. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    const skipped = this.#begun ? 0 : HEADER;
    this.#begun = true;
    const { length } = chunk;
    if (length - skipped < 2 || chunk.readInt16BE(skipped) < 0) return;
    if (this.#used + length > this.#block.length) {
      this.#block = Buffer.allocUnsafe(Math.max(BLOCK, length));
      this.#used = 0;
    }
    this.#block.set(chunk, this.#used);
    this.rows.push({ bytes: this.#block, start: this.#used + skipped + 2 });
    this.#used += length;
  }
}

/**
 * Rows by COPY, as PostgreSQL sends them, for code that looks at a few fields of very many rows: nothing is decoded here, where
 * a row of an ordinary query is a string for each of its fields. `select` holds its values; COPY takes no parameters.
 * @throws LogUnavailable
 */
export const copyOut = (pool: Pool, select: string): Promise<BinaryRow[]> =>
  reading(
    pool,
    (client) =>
      new Promise((resolve, reject) => {
        const query = new CopyOut({ text: `copy (${select}) to stdout (format binary)` }, (error) =>
          error ? reject(error) : resolve(query.rows),
        );
        (client.query as unknown as (query: object) => void)(query);
      }),
  );
