import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** Headers of answers that a browser may show to an application of another origin. */
const EXPOSED = [
  ...['X-Request-Id', 'Position', 'ETag', 'Location', 'Retry-After', 'Idempotent-Replayed'],
  ...['RateLimit', 'RateLimit-Policy'],
];

/** Allows requests from browser applications of these origins. Without an origin, no CORS header is sent. */
export const addCors = (instance: FastifyInstance, origins: readonly string[]): void => {
  if (origins.length === 0) return;
  instance.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED,
    maxAge: 600,
  });
};
