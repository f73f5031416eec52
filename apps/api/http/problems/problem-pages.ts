import type { FastifyInstance } from 'fastify';
import { Problem, type ProblemName, problemCatalogue } from '#platform/problems';
import { PROBLEM_HELP } from './problem-help';

/** Adds `GET /problems/<name>`: the page of the `type` of a problem document. */
export const addProblemPages = (instance: FastifyInstance): void => {
  instance.get<{ Params: { name: string } }>('/problems/:name', (request, reply) => {
    const { name } = request.params;
    if (!isProblemName(name)) throw new Problem('not-found', { detail: 'There is no problem type with this name.' });
    const [status, title] = problemCatalogue[name];
    const page = { type: `/problems/${name}`, title, status, description: PROBLEM_HELP[name] };
    reply.header('cache-control', 'public, max-age=3600').header('vary', 'accept');
    if (!request.headers.accept?.includes('text/html')) return reply.send(page);
    reply.header('content-type', 'text/html; charset=utf-8').send(html(page));
  });
};

const isProblemName = (name: string): name is ProblemName => Object.hasOwn(problemCatalogue, name);

const html = ({
  type,
  title,
  status,
  description,
}: {
  type: string;
  title: string;
  status: number;
  description: string;
}) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>` +
  `<p>${description.replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p><p><code>${type}</code>, status ${status}</p></html>`;
