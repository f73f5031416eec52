import type { createBullBoard } from '@bull-board/api';

type Adapter = Parameters<typeof createBullBoard>[0]['serverAdapter'];

/** What a board gives to the server that shows it. */
export interface Board {
  readonly queues: Parameters<Adapter['setQueues']>[0];
  readonly api: Parameters<Adapter['setApiRoutes']>[0];
  readonly entry: Parameters<Adapter['setEntryRoute']>[0];
  readonly uiConfig: Parameters<Adapter['setUIConfig']>[0];
  readonly onError: Parameters<Adapter['setErrorHandler']>[0];
  /** Folders: of the page's template, and of what it loads. */
  readonly views: string;
  readonly statics: string;
}

/** Notes what `createBullBoard` says. Its own adapter for Fastify brings a template engine for the one page there is. */
export const recordingAdapter = () => {
  const noted: Partial<Record<keyof Board, unknown>> = {};
  const note = (name: keyof Board, value: unknown): Adapter => {
    noted[name] = value;
    return adapter;
  };
  const adapter: Adapter = {
    setQueues: (queues) => note('queues', queues),
    setApiRoutes: (routes) => note('api', routes),
    setEntryRoute: (route) => note('entry', route),
    setUIConfig: (config) => note('uiConfig', config),
    setErrorHandler: (handler) => note('onError', handler),
    setViewsPath: (path) => note('views', path),
    setStaticPath: (_route, path) => note('statics', path),
  };
  return { adapter, board: (): Board => noted as unknown as Board };
};
