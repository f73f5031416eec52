import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Context, Part } from '../context';

/** Stands in until the HTTP application is here: answers the probes. */
export const startApi = async ({ settings }: Context): Promise<Part> => {
  const server = createServer((request, response) => {
    response.statusCode = /^\/(healthz|readyz)$/.test(request.url ?? '') ? 200 : 404;
    response.end('{}');
  });
  server.listen(settings.port, settings.host);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : settings.port;
  return {
    url: `http://${settings.host}:${port}`,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
};
