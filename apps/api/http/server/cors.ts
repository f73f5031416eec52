import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** Answers carry these, and a browser shows an application no others than those that are named. */
const EXPOSED = [
  ...['X-Request-Id', 'Position', 'ETag', 'Location', 'Retry-After', 'Idempotent-Replayed'],
  ...['RateLimit', 'RateLimit-Policy'],
];

/** Lets the applications of these origins call; without one, nothing of CORS is there at all. */
export const addCors = (instance: FastifyInstance, origins: readonly string[]): void => {
  if (origins.length === 0) return;
  instance.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED,
    maxAge: 600,
  });
};
