import type { IncomingMessage } from 'node:http';

/** Bytes that are read on and thrown away at most. */
const PATIENCE = 16 * 1024 * 1024;

/**
 * Reads what is left of a body that nobody wants, so that the client that sends it can read the answer: where a connection is closed
 * before its client has sent everything, most clients tell of a broken pipe, and not of what they were answered.
 * Resolves at the body's end, or once it is beyond all reason.
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
      if (bytes > PATIENCE) done();
    };
    request.on('data', count).on('end', done).on('close', done).on('error', done).resume();
  });
