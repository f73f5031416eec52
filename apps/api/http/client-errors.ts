import type { Socket } from 'node:net';
import { uuidv7 } from '../../../libs/platform/ids/uuid';
import { PROBLEM_TYPE, problemDocument } from './problem-document';

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly detail: string;
}

const MALFORMED: Answer = { status: 400, reason: 'Bad Request', detail: 'This is not a well-formed HTTP/1.1 request.' };

const ANSWERS: Readonly<Record<string, Answer>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    reason: 'Request Header Fields Too Large',
    detail: 'The header fields have more than 16 KiB.',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    reason: 'Payload Too Large',
    detail: 'The extensions of a chunk are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    reason: 'Request Timeout',
    detail: 'The request did not arrive whole in time.',
  },
};

/**
 * Answers what never became a request, on the bare socket: no router and no hook sees it. The connection ends with it,
 * since where the next request would begin is not known.
 */
export const answerClientError = (error: NodeJS.ErrnoException, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, reason, detail } = ANSWERS[error.code ?? ''] ?? MALFORMED;
  // `about:blank` says: no more than the status (RFC 9457, 4.2.1). The catalogue has no problem of these statuses.
  const type = status === 400 ? '/problems/validation-failed' : 'about:blank';
  const problem = { type, title: reason, status, details: { detail } };
  const requestId = uuidv7();
  const body = JSON.stringify(problemDocument(problem, requestId, undefined));
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `X-Request-Id: ${requestId}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`,
    // A client that keeps sending would keep the half-closed socket.
    () => socket.destroy(),
  );
};
