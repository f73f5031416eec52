import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { checkResponse } from './violations';

type Answer = Awaited<ReturnType<NestFastifyApplication['inject']>>;
type Request = { readonly method?: string; readonly url?: string };

/** The app, of which each answer over `inject` is compared with the OpenAPI documents. */
export const withCheckedResponses = (app: NestFastifyApplication): NestFastifyApplication => {
  const inject = app.inject.bind(app) as (request: Request | string) => Promise<Answer>;
  const checked = async (request: Request | string): Promise<Answer> => {
    const answer = await inject(request);
    const { method = 'GET', url = '' } = typeof request === 'string' ? { url: request } : request;
    if (answer.headers['x-request-id'] === undefined) throw new Error(`${method} ${url} has no X-Request-Id`);
    checkResponse(method, url, { status: answer.statusCode, headers: answer.headers, body: answer.body });
    return answer;
  };
  return new Proxy(app, {
    get: (target, property) => (property === 'inject' ? checked : Reflect.get(target, property)),
  });
};
