import { type ApiCalls, secondsLeft } from '#plans/api-calls';
import { Problem } from '#platform/problems';
import type { RequestState } from '../http/requests/request-context';
import type { CallAllowance } from '../identity/authentication/membership-cache';

/** Counts each call of a tenant's API against what its plan allows in a month. */
export abstract class Quota {
  /** Waits, once for each tenant, until it is known how many calls were made before; undefined where that is known. */
  abstract know(tenantId: string): Promise<void> | undefined;
  /**
   * One more call, and what its answer has to say of it. Without a limit it is counted all the same.
   * @returns the problem where it was one too many, which is not counted
   */
  abstract count(state: RequestState, tenantId: string, allowance: CallAllowance): Problem | undefined;
}

/** @param calls left out: nothing is counted */
export const createQuota = (calls?: ApiCalls): Quota => ({
  know: (tenantId) => calls?.know(tenantId),
  count: (state, tenantId, { limit, plan, upgradeTo }) => {
    if (!calls) return undefined;
    const { taken, used } = calls.take(tenantId, limit);
    if (limit === null) return undefined;
    const seconds = secondsLeft(Date.now());
    state.quotaPolicy = `"month";q=${limit};w=${MONTH_SECONDS}`;
    state.quota = `"month";r=${Math.max(0, limit - used)};t=${seconds}`;
    if (taken) return undefined;
    const detail = `The plan allows ${limit} API calls a month, and they are used up. Wait for the next calendar month (UTC), or choose a larger plan.`;
    const members = { resource: 'apiCalls', limit, used, plan, upgradeTo };
    return new Problem('plan-limit-reached', { detail, retryAfter: seconds, members });
  },
});

/** Length of the longest month, sent as the window of the policy. */
const MONTH_SECONDS = 31 * 86_400;
