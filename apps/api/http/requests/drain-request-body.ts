import type { IncomingMessage } from 'node:http';

/** Maximum number of bytes that are read and discarded. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

/**
 * Reads and discards the rest of a request body, so that the client can read the answer. If the connection were closed
 * earlier, most clients would report a broken pipe and not the answer. Resolves at the end of the body, when the
 * connection is closed, or after 16 MiB. Never rejects.
 */
export const drainRequestBody = (request: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    if (request.complete || request.destroyed) return resolve();
    let bytes = 0;
    const done = (): void => {
      request.off('data', count).off('end', done).off('close', done).off('error', done);
      resolve();
    };
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > MAX_DISCARDED_BYTES) done();
    };
    request.on('data', count).on('end', done).on('close', done).on('error', done).resume();
  });
