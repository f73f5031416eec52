import type { FastifyRequest } from 'fastify';

/** True if the request only reads, so that a browser or a proxy may repeat it: GET or HEAD. */
export const isRead = ({ method }: Pick<FastifyRequest, 'method'>): boolean => method === 'GET' || method === 'HEAD';
