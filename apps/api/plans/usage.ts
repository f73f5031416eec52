import type { ApiCalls } from '#plans/api-calls';
import { FOUNDING_TERMS } from '#plans/catalogue/index';
import type { TenantDb } from '#platform/database/scoped/scoped-db';
import { timeOfUuidv7 } from '#platform/ids/uuid';
import { tokenClass } from '#platform/token-class';
import { findUsage } from '#projections/plan-limits/queries';
import type { UsageDto, UsedDto } from './plan.dto';

const monthStart = (now: Date): number => Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
const monthEnd = (now: Date): number => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);

/**
 * Minimum ms of use from which a rate is calculated. The first calls of a tenant within seconds predict nothing for a
 * month.
 */
const MIN_PERIOD_MS = 60 * 60 * 1_000;

/**
 * The time when the limit will be reached at the rate since the begin of the month, or since the creation of the tenant
 * if that was later. Null: not in this month; or there is no limit or no use; or that time was less than
 * {@link MIN_PERIOD_MS} ago.
 */
const exhaustionOf = (used: number, limit: number | null, now: Date, foundedAt: number): string | null => {
  if (limit === null || used === 0) return null;
  const start = Math.max(monthStart(now), foundedAt);
  if (used >= limit) return now.toISOString();
  const elapsed = now.getTime() - start;
  if (elapsed < MIN_PERIOD_MS) return null;
  const at = start + (elapsed / used) * limit;
  return at < monthEnd(now) ? new Date(at).toISOString() : null;
};

/**
 * Reads the use of a tenant.
 * @param calls adds the API calls that this process has not stored yet
 * @param isLimited false: an installation without plans, in which no resource has a limit
 */
export const createUsage =
  (calls: ApiCalls | undefined, isLimited: boolean) =>
  async (db: TenantDb, now = new Date()): Promise<UsageDto> => {
    const { plan, limits, apiCalls, ...used } = await findUsage(db);
    const bounds = limits ?? FOUNDING_TERMS.limits;
    const allowed = (limit: number | null): number | null => (isLimited ? limit : null);
    const useOf = (resource: keyof typeof used): UsedDto => ({
      ...{ resource, used: used[resource], limit: allowed(bounds[resource]) },
      ...{ period: null, periodEnd: null, projectedExhaustion: null },
    });
    const callsMade = apiCalls + (calls?.unflushed(db.tenantId) ?? 0);
    const limit = allowed(bounds.apiCallsPerMonth);
    return {
      plan: plan ?? FOUNDING_TERMS.plan,
      data: [
        ...(['seats', 'teams', 'openInvitations', 'projects', 'tasksPerProject'] as const).map(useOf),
        {
          ...{ resource: 'apiCalls', used: callsMade, limit, period: 'month' },
          periodEnd: new Date(monthEnd(now)).toISOString(),
          projectedExhaustion: exhaustionOf(callsMade, limit, now, timeOfUuidv7(db.tenantId)),
        },
      ],
    };
  };

/**
 * The part of the use that commands change, for the ETag. The number of API calls is left out, because each request
 * changes it.
 */
export const lastingOf = (data: readonly UsedDto[]): readonly Partial<UsedDto>[] =>
  data.map(({ used, projectedExhaustion, ...rest }) => (rest.period === null ? { ...rest, used } : rest));

export abstract class Usage extends tokenClass<ReturnType<typeof createUsage>>() {}
