import type { Socket } from 'node:net';
import { uuidv7 } from '#platform/ids/uuid';
import { Problem, type ProblemName } from '#platform/problems';
import { PROBLEM_TYPE, problemDocument } from '../problems/problem-document';

interface Answer {
  readonly problem: ProblemName;
  readonly reason: string;
  readonly detail: string;
}

const MALFORMED: Answer = {
  problem: 'validation-failed',
  reason: 'Bad Request',
  detail: 'This is not a well-formed HTTP/1.1 request. Correct it and send it again.',
};

const ANSWERS: Readonly<Record<string, Answer>> = {
  HPE_HEADER_OVERFLOW: {
    problem: 'header-fields-too-large',
    reason: 'Request Header Fields Too Large',
    detail: 'The header fields are larger than 16 KiB. Send fewer or shorter headers.',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    problem: 'body-too-large',
    reason: 'Payload Too Large',
    detail: 'The extensions of a chunk are too large. Send the body without chunk extensions.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    problem: 'request-timeout',
    reason: 'Request Timeout',
    detail: 'The request did not arrive completely in time. Send it again.',
  },
};

/**
 * Answers bytes that Node cannot parse as a request. The problem document is written to the socket, because no route
 * and no hook runs for such bytes. The connection is closed, because it is not known where the next request begins.
 */
export const answerClientError = (error: NodeJS.ErrnoException, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const { problem, reason, detail } = ANSWERS[error.code ?? ''] ?? MALFORMED;
  const refusal = new Problem(problem, { detail });
  const requestId = uuidv7();
  const body = JSON.stringify(problemDocument(refusal, requestId, undefined));
  socket.end(
    `HTTP/1.1 ${refusal.status} ${reason}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `X-Request-Id: ${requestId}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`,
    // Otherwise a client that keeps sending would keep the half-closed socket open.
    () => socket.destroy(),
  );
};
