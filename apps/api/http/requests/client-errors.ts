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
  detail: 'This is not a well-formed HTTP/1.1 request.',
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
    detail: 'The extensions of a chunk are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    problem: 'request-timeout',
    reason: 'Request Timeout',
    detail: 'The request did not arrive completely in time. Send it again.',
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
  const { problem, reason, detail } = ANSWERS[error.code ?? ''] ?? MALFORMED;
  const refusal = new Problem(problem, { detail });
  const requestId = uuidv7();
  const body = JSON.stringify(problemDocument(refusal, requestId, undefined));
  socket.end(
    `HTTP/1.1 ${refusal.status} ${reason}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `X-Request-Id: ${requestId}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`,
    // A client that keeps sending would keep the half-closed socket.
    () => socket.destroy(),
  );
};
