import type { createBullBoard } from '@bull-board/api';

type Adapter = Parameters<typeof createBullBoard>[0]['serverAdapter'];

/** The routes and files of bull-board, which `serveJobsBoard` registers. */
export interface Board {
  readonly queues: Parameters<Adapter['setQueues']>[0];
  readonly api: Parameters<Adapter['setApiRoutes']>[0];
  readonly entry: Parameters<Adapter['setEntryRoute']>[0];
  readonly uiConfig: Parameters<Adapter['setUIConfig']>[0];
  readonly onError: Parameters<Adapter['setErrorHandler']>[0];
  /** Folder of the page's template. */
  readonly views: string;
  /** Folder of the files that the page loads. */
  readonly statics: string;
}

/**
 * A server adapter of bull-board that only records the routes and files. The adapter of bull-board for Fastify would
 * need a template engine for its only page.
 */
export const recordingAdapter = () => {
  const recorded: Partial<Record<keyof Board, unknown>> = {};
  const record = (name: keyof Board, value: unknown): Adapter => {
    recorded[name] = value;
    return adapter;
  };
  const adapter: Adapter = {
    setQueues: (queues) => record('queues', queues),
    setApiRoutes: (routes) => record('api', routes),
    setEntryRoute: (route) => record('entry', route),
    setUIConfig: (config) => record('uiConfig', config),
    setErrorHandler: (handler) => record('onError', handler),
    setViewsPath: (path) => record('views', path),
    setStaticPath: (_route, path) => record('statics', path),
  };
  return { adapter, board: (): Board => recorded as unknown as Board };
};
