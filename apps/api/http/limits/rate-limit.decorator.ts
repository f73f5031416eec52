import { SetMetadata } from '@nestjs/common';

/** Metadata key of {@link RateLimit}. */
export const RATE_LIMIT = 'tenantry:rate-limit';

/**
 * Counts the requests of a route by a named limit (`signin`, `signup` …) for each client address, not by the general
 * one.
 */
export const RateLimit = (policy: string): MethodDecorator => SetMetadata(RATE_LIMIT, policy);
