import { type ApiCalls, secondsLeft } from '#plans/api-calls';
import { Problem } from '#platform/problems';
import type { RequestState } from '../http/requests/request-context';
import type { CallAllowance } from '../identity/authentication/cached-membership';

/** Counts the API calls of each tenant against the limit of its plan for a calendar month (UTC). */
export abstract class Quota {
  /** Reads how many calls a tenant has made before, once for each tenant; undefined: that is known. Never rejects. */
  abstract load(tenantId: string): Promise<void> | undefined;
  /**
   * Counts one more call, also without a limit, and sets the quota headers of its answer.
   * @returns the problem to answer with if the limit is reached; the call is not counted then
   */
  abstract count(state: RequestState, tenantId: string, allowance: CallAllowance): Problem | undefined;
}

/** @param calls undefined: nothing is counted */
export const createQuota = (calls?: ApiCalls): Quota => ({
  load: (tenantId) => calls?.load(tenantId),
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

/** Length of the longest month, sent as the window of the quota policy. */
const MONTH_SECONDS = 31 * 86_400;
