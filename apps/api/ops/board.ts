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
  /** Every queue that there is, of all processes. */
  readonly queues: () => Promise<readonly Queue[]>;
}

/** Writes that operators may do; in the board's routes. */
const OFFERED = /\/(pause|resume|promote|empty|(retry|clean)(\/:queueStatus)?)$/;
const REFUSED = {
  allow: false,
  status: 405,
  message: 'Jobs cannot be edited here. A job only names a row to process: change the row.',
} as const;

type Asked = Parameters<Board['api'][number]['handler']>[0];

const listed = <T>(one: T | readonly T[]): T[] => [one].flat() as T[];

/** The template asks for fonts at another site, and has styles in it that the policy does not let it have. */
const pageOf = ({ views, entry, uiConfig }: Board): string => {
  const { name, params } = entry.handler({ basePath: BOARD_PATH, uiConfig });
  return readFileSync(join(views, name), 'utf8')
    .replaceAll(/<link[^>]+href="https?:[^>]*>/g, '')
    .replaceAll(/<style>[^<]*<\/style>/g, '')
    .replaceAll(/ style="[^"]*"/g, '')
    .replaceAll(/<%[=-] (\w+) %>/g, (_, key: string) => String(params[key] ?? ''));
};

/**
 * bull-board, for operators: what waits, runs and has failed, to be looked at, held, dropped and tried again. Jobs can be
 * neither made nor changed by hand.
 */
export const serveJobsBoard = (instance: FastifyInstance, { gate, queues }: BoardDeps): void => {
  const noting = recordingAdapter();
  const { addQueue } = createBullBoard({
    queues: [],
    serverAdapter: noting.adapter,
    // Workers share a connection, so the board would find none and warn of it.
    options: {
      uiConfig: { boardTitle: 'Tenantry jobs', showWorkers: false, hideDocsLink: true },
      handlerHooks: { before: ({ method, route }) => (method === 'get' || OFFERED.test(route) ? undefined : REFUSED) },
    },
  });
  const board = noting.board();
  const page = pageOf(board);
  const shown = new Set<string>();

  /** Also those that another process has made since. */
  const showAll = async (): Promise<void> => {
    for (const queue of await queues()) {
      if (shown.has(queue.name)) continue;
      shown.add(queue.name);
      addQueue(new BullMQAdapter(queue));
    }
  };

  const serve = async (scope: FastifyInstance): Promise<void> => {
    scope.addHook('onRequest', async (request) => gate.admit(request));
    for (const url of listed(board.entry.route)) {
      scope.get(url, (_request, reply) => {
        reply.header('content-type', HTML).send(page);
      });
    }
    for (const { method, route, handler } of board.api) {
      const methods = listed(method).map((it) => it.toUpperCase() as HTTPMethods);
      for (const url of listed(route)) {
        scope.route({
          method: methods,
          url,
          handler: async ({ params, query, body, headers }, reply) => {
            await showAll();
            const asked = { queues: board.queues, uiConfig: board.uiConfig, params, query, body, headers } as Asked;
            const answer = await Promise.resolve(handler(asked)).catch(board.onError);
            return reply.code(answer.status ?? 200).send(answer.body);
          },
        });
      }
    }
    await scope.register(fastifyStatic, { root: board.statics, prefix: '/static', decorateReply: false, index: false });
  };
  instance.register(serve, { prefix: BOARD_PATH });
};
