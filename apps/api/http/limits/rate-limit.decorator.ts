import { SetMetadata } from '@nestjs/common';

export const RATE_LIMIT = 'tenantry:rate-limit';

/** Counts a route by a policy of its own (`signin`, `signup` …), per client address. */
export const RateLimit = (policy: string): MethodDecorator => SetMetadata(RATE_LIMIT, policy);
