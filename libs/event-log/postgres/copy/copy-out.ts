import { type Pool, Query, type QueryConfig } from 'pg';
import { runRead } from '../connections';

/** The constructor of pg's `Query`. pg exports no types for extending it. */
type QueryConstructor = new (config: QueryConfig, callback: (error: Error | null) => void) => object;

/** Bytes before the first row: a signature of 11 bytes, 4 bytes of flags, and the length (0) of a header extension. */
const HEADER = 19;
/** The size in bytes of the blocks into which rows are copied. */
const BLOCK = 256 * 1024;

/** A row in the binary format of COPY: for each field four bytes with its length (-1 for null), then its bytes. */
export interface BinaryRow {
  /** The block with this row; other rows lie in the same block. */
  readonly bytes: Buffer;
  /** The index of the length of the first field. */
  readonly start: number;
}

/** Copies the rows out of the messages, because the connection reuses the buffer of each message. */
class CopyOut extends (Query as unknown as QueryConstructor) {
  readonly rows: BinaryRow[] = [];
  #block = Buffer.allocUnsafe(BLOCK);
  #used = 0;
  #begun = false;

  /**
   * Each message holds one whole row. The first one also holds the header; the last one holds only the trailer (-1).
   */
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
 * Reads rows by COPY, for code that reads a few fields of very many rows. The rows are not decoded here, while an
 * ordinary query creates a string for each field.
 * @param select the SQL, which must include its values, because COPY has no parameters
 * @throws LogUnavailable
 */
export const copyOut = (pool: Pool, select: string): Promise<BinaryRow[]> =>
  runRead(
    pool,
    (client) =>
      new Promise((resolve, reject) => {
        const query = new CopyOut({ text: `copy (${select}) to stdout (format binary)` }, (error) =>
          error ? reject(error) : resolve(query.rows),
        );
        (client.query as unknown as (query: object) => void)(query);
      }),
  );
