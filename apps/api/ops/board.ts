import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import fastifyStatic from '@fastify/static';
import type { Queue } from 'bullmq';
import type { FastifyInstance, HTTPMethods } from 'fastify';
import { HTML } from '../invitations/page/problem-page';
import { type Board, recordingAdapter } from './board-adapter';
import type { Gate } from './gate';
import { BOARD_PATH } from './paths';

export interface BoardDeps {
  readonly gate: Gate;
  /** Returns the queues of all processes. */
  readonly queues: () => Promise<readonly Queue[]>;
}

/** Routes of the board with a write that operators may do. */
const ALLOWED_WRITES = /\/(pause|resume|promote|empty|(retry|clean)(\/:queueStatus)?)$/;
const REFUSED = {
  allow: false,
  status: 405,
  message: 'Jobs cannot be edited here. A job only names a row to process: change the row.',
} as const;

type BoardRequest = Parameters<Board['api'][number]['handler']>[0];

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
export const serveJobsBoard = (instance: FastifyInstance, { gate, queues }: BoardDeps): void => {
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
          handler: async ({ params, query, body, headers }, reply) => {
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
