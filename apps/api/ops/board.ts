import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import fastifyStatic from '@fastify/static';
import type { Queue } from 'bullmq';
import type { FastifyInstance, HTTPMethods } from 'fastify';
import type { OperatorAction } from '#domain/operators/events';
import type { OperatorActionInput } from '#identity/operators/operators';
import { isRead } from '../http/requests/is-read';
import { HTML } from '../invitations/page/problem-page';
import { type Board, recordingAdapter } from './board-adapter';
import type { Gate } from './gate';
import type { OperatorLog } from './operator-log';
import { BOARD_PATH } from './paths';

export interface BoardDeps {
  readonly gate: Pick<Gate, 'admit'>;
  readonly operatorLog: Pick<OperatorLog, 'record'>;
  /** Returns the queues of all processes. */
  readonly queues: () => Promise<readonly Queue[]>;
}

/** Routes of the board with a write that operators may do. */
const ALLOWED_WRITES = /\/(?:(pause|resume|promote|empty)|(retry|clean)(?:\/:queueStatus)?)$/;
const REFUSED = {
  allow: false,
  status: 405,
  message: 'Jobs cannot be edited here. A job only names a row to process: change the row.',
} as const;

/** What an operator does with a write; undefined for a write that is refused. */
const actionOf = (route: string, params: BoardRequest['params']): OperatorActionInput | undefined => {
  const [, one, other] = ALLOWED_WRITES.exec(route) ?? [];
  const verb = one ?? other;
  if (verb === undefined) return undefined;
  const { queueName, jobId, queueStatus } = params as Record<string, string | undefined>;
  const target = [queueName, jobId ?? queueStatus].filter((it) => it !== undefined).join(' ');
  return { action: `jobs.${verb}` as OperatorAction, target: target || null, tenantId: null, reason: null };
};

type BoardRequest = NonNullable<Parameters<Board['api'][number]['handler']>[0]>;

const asList = <T>(one: T | readonly T[]): T[] => [one].flat() as T[];

/**
 * Removes from the template the fonts of another site and the inline styles, which the Content-Security-Policy forbids.
 */
const pageOf = ({ views, entry, uiConfig }: Board): string => {
  const { name, params } = entry.handler({ basePath: BOARD_PATH, uiConfig });
  return readFileSync(join(views, name), 'utf8')
    .replaceAll(/<link[^>]+href="https?:[^>]*>/g, '')
    .replaceAll(/<style>[^<]*<\/style>/g, '')
    .replaceAll(/ style="[^"]*"/g, '')
    .replaceAll(/<%[=-] (\w+) %>/g, (_, key: string) => String(params[key] ?? ''));
};

/**
 * Serves bull-board for operators: they can inspect waiting, running and failed jobs, pause queues, and delete or retry
 * jobs. They cannot create or change jobs.
 */
export const serveJobsBoard = (instance: FastifyInstance, { gate, operatorLog, queues }: BoardDeps): void => {
  const recorder = recordingAdapter();
  const { addQueue } = createBullBoard({
    queues: [],
    serverAdapter: recorder.adapter,
    // Workers share one connection, so the board would not find them and would show a warning.
    options: {
      uiConfig: { boardTitle: 'Tenantry jobs', showWorkers: false, hideDocsLink: true },
      handlerHooks: {
        before: ({ method, route }) => (method === 'get' || ALLOWED_WRITES.test(route) ? undefined : REFUSED),
      },
    },
  });
  const board = recorder.board();
  const page = pageOf(board);
  const added = new Set<string>();

  /** Adds the queues that this or another process has created since the last call. */
  const addNewQueues = async (): Promise<void> => {
    for (const queue of await queues()) {
      if (added.has(queue.name)) continue;
      added.add(queue.name);
      addQueue(new BullMQAdapter(queue));
    }
  };

  const serve = async (scope: FastifyInstance): Promise<void> => {
    scope.addHook('onRequest', async (request) => gate.admit(request));
    for (const url of asList(board.entry.route)) {
      scope.get(url, (_request, reply) => {
        reply.header('content-type', HTML).send(page);
      });
    }
    for (const { method, route, handler } of board.api) {
      const methods = asList(method).map((it) => it.toUpperCase() as HTTPMethods);
      for (const url of asList(route)) {
        scope.route({
          method: methods,
          url,
          handler: async (request, reply) => {
            const { params, query, body, headers } = request;
            const action = isRead(request) ? undefined : actionOf(url, params as BoardRequest['params']);
            if (action) await operatorLog.record(request, action);
            await addNewQueues();
            const boardRequest = {
              queues: board.queues,
              uiConfig: board.uiConfig,
              params,
              query,
              body,
              headers,
            } as BoardRequest;
            const answer = await Promise.resolve(handler(boardRequest)).catch(board.onError);
            return reply.code(answer.status ?? 200).send(answer.body);
          },
        });
      }
    }
    await scope.register(fastifyStatic, { root: board.statics, prefix: '/static', decorateReply: false, index: false });
  };
  instance.register(serve, { prefix: BOARD_PATH });
};
