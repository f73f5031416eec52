import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A TCP connection on which a test sends any bytes. */
export interface RawClient {
  readonly socket: Socket;
  /** Everything that has arrived so far. */
  received(): string;
  /** The status codes of the answers so far, in order. */
  statuses(): number[];
  /** True once the connection is closed, by either side. */
  closed(): boolean;
}

/**
 * Opens a connection to 127.0.0.1 and sends the bytes (one character of the text is one byte).
 * @param from the local address of the connection; on Linux any of 127.0.0.0/8
 */
export const openRaw = (port: number, bytes: string, from?: string): RawClient => {
  let text = '';
  let closed = false;
  const socket = connect({ port, host: '127.0.0.1', ...(from && { localAddress: from }) });
  socket.setEncoding('latin1');
  socket.on('connect', () => socket.write(bytes, 'latin1'));
  socket.on('data', (data) => {
    text += data;
  });
  // Some tests expect a reset connection.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  return {
    socket,
    received: () => text,
    statuses: () => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)),
    closed: () => closed,
  };
};

/** Waits until `condition` returns true. @throws Error after 30 s */
export const eventually = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(10)) if (await condition()) return;
  throw new Error(`the condition did not become true within 30 s: ${condition}`);
};
