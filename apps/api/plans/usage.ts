import type { ApiCalls } from '#plans/api-calls';
import { FOUNDING_TERMS } from '#plans/catalogue/index';
import type { TenantDb } from '#platform/database/scoped/scoped-db';
import { timeOfUuidv7 } from '#platform/ids/uuid';
import { tokenClass } from '#platform/token-class';
import { findUsage } from '#projections/plan-limits/queries';
import type { UsageDto, UsedDto } from './plan.dto';

const monthStart = (now: Date): number => Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
const monthEnd = (now: Date): number => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);

/** ms of which one knows how it continues. The first calls of a tenant come within seconds, and say nothing of a month. */
const TELLING_MS = 60 * 60 * 1_000;

/**
 * When so many are used if it continues as since the month, or the tenant, began; null: not before the month ends, or that
 * was less than {@link TELLING_MS} ago.
 */
const exhaustionOf = (used: number, limit: number | null, now: Date, foundedAt: number): string | null => {
  if (limit === null || used === 0) return null;
  const start = Math.max(monthStart(now), foundedAt);
  if (used >= limit) return now.toISOString();
  const known = now.getTime() - start;
  if (known < TELLING_MS) return null;
  const at = start + (known / used) * limit;
  return at < monthEnd(now) ? new Date(at).toISOString() : null;
};

/** How much of a tenant's plan is in use. @param calls counts the calls that are not yet in the database, too */
export const createUsage =
  (calls: ApiCalls | undefined, isLimited: boolean) =>
  async (db: TenantDb, now = new Date()): Promise<UsageDto> => {
    const { plan, limits, apiCalls, ...used } = await findUsage(db);
    const bounds = limits ?? FOUNDING_TERMS.limits;
    const allowed = (limit: number | null): number | null => (isLimited ? limit : null);
    const standing = (resource: keyof typeof used): UsedDto => ({
      ...{ resource, used: used[resource], limit: allowed(bounds[resource]) },
      ...{ period: null, periodEnd: null, projectedExhaustion: null },
    });
    const made = apiCalls + (calls?.untold(db.tenantId) ?? 0);
    const limit = allowed(bounds.apiCallsPerMonth);
    return {
      plan: plan ?? FOUNDING_TERMS.plan,
      data: [
        ...(['seats', 'teams', 'openInvitations', 'projects', 'tasksPerProject'] as const).map(standing),
        {
          ...{ resource: 'apiCalls', used: made, limit, period: 'month' },
          periodEnd: new Date(monthEnd(now)).toISOString(),
          projectedExhaustion: exhaustionOf(made, limit, now, timeOfUuidv7(db.tenantId)),
        },
      ],
    };
  };

/** What of it changes only by what people do: a metered use grows by each request, also by one that asks for it. */
export const lastingOf = (data: readonly UsedDto[]): readonly Partial<UsedDto>[] =>
  data.map(({ used, projectedExhaustion, ...rest }) => (rest.period === null ? { ...rest, used } : rest));

export abstract class Usage extends tokenClass<ReturnType<typeof createUsage>>() {}
