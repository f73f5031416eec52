import type { TenantDb } from '#platform/database/scoped/scoped-db';
import type { UsageRow } from '#projections/plan-limits/queries';
import { createUsage } from './usage';

/** The database of a tenant that was created at a time and has made a number of calls. */
const tenantOf = (foundedAt: string, apiCalls: number): TenantDb => {
  const hex = Date.parse(foundedAt).toString(16).padStart(12, '0');
  const tenantId = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
  const counts = { seats: 1, teams: 0, openInvitations: 0, projects: 0, tasksPerProject: 0 };
  const row: UsageRow = { plan: null, limits: null, ...counts, apiCalls };
  return { tenantId, query: async () => [row] } as unknown as TenantDb;
};

const exhaustionOf = async (db: TenantDb, now: string) => {
  const { data } = await createUsage(undefined, true)(db, new Date(now));
  return data.find(({ resource }) => resource === 'apiCalls')?.projectedExhaustion;
};

describe('the time when the calls of a month will be used up', () => {
  it('assumes the rate since the begin of the month', async () => {
    const old = tenantOf('2025-03-04T05:06:07.000Z', 5_000);
    expect(await exhaustionOf(old, '2026-01-11T00:00:00.000Z')).toBe('2026-01-21T00:00:00.000Z');
    expect(await exhaustionOf(old, '2026-01-21T00:00:00.000Z')).toBeNull();
  });

  it('assumes the rate since the creation of the tenant, if that was in this month', async () => {
    const young = tenantOf('2026-01-20T00:00:00.000Z', 5_000);
    expect(await exhaustionOf(young, '2026-01-21T00:00:00.000Z')).toBe('2026-01-22T00:00:00.000Z');
  });

  it('is unknown in the first hour of the month or of the tenant', async () => {
    const young = tenantOf('2026-01-20T00:00:00.000Z', 5_000);
    expect(await exhaustionOf(young, '2026-01-20T00:59:59.999Z')).toBeNull();
    expect(await exhaustionOf(young, '2026-01-20T01:00:00.000Z')).toBe('2026-01-20T02:00:00.000Z');
    const old = tenantOf('2025-03-04T05:06:07.000Z', 500);
    expect(await exhaustionOf(old, '2026-01-01T00:00:10.000Z')).toBeNull();
  });

  it('is now if the calls are used up, and unknown if there was no call', async () => {
    const now = '2026-01-21T00:00:00.000Z';
    expect(await exhaustionOf(tenantOf('2026-01-20T00:00:00.000Z', 10_000), now)).toBe(now);
    expect(await exhaustionOf(tenantOf('2026-01-20T00:00:00.000Z', 0), now)).toBeNull();
  });
});
