import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { createScopedDb } from '#platform/database/scoped/scoped-db';
import { uuidv7 } from '#platform/ids/uuid';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { shiftClock } from '#testing/shifted-clock';
import { createReservations, overdueReservations, RESERVED_SECONDS } from './reservations';

describe("a reservation, after a change of the database's clock", () => {
  let database: TestDatabase;
  let owner: Pool;
  let app: Pool;
  let projector: Pool;
  let shifted: Awaited<ReturnType<typeof shiftClock>>;

  beforeAll(async () => {
    database = await createTestDatabase();
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    app = createPool({ url: database.urls.app, max: 1, applicationName: 'test' });
    projector = createPool({ url: database.urls.projector, max: 1, applicationName: 'test' });
    // The function `plans.reserve` counts the rows of this table of the read models.
    await owner.query(`create table if not exists read_model.plan_units
      (tenant_id uuid, scope_id uuid, unit_id uuid, command_id uuid)`);
    await owner.query('grant select on read_model.plan_units to public; grant usage on schema read_model to public');
    shifted = await shiftClock(owner);
  });
  beforeEach(async () => {
    await shifted.by('0');
    await owner.query('truncate plans.reservations');
  });
  afterAll(async () => {
    await Promise.all([owner, app, projector].map((pool) => pool.end()));
    await database.drop();
  });

  const advanceLeaseClock = (seconds: number) =>
    owner.query(`update lease.clock set at = at + make_interval(secs => $1)`, [seconds]);

  it.each([
    ['ahead', '10 minutes'],
    ['behind', '-10 minutes'],
  ])('is overdue after its time, although the clock was ten minutes %s when it was made', async (_, by) => {
    const reservations = createReservations({ db: createScopedDb(app), pool: app });
    const [tenantId, commandId, unitId] = [uuidv7(), uuidv7(), uuidv7()];
    const request = { tenantId, commandId, unitId, resource: 'projects' as const, scopeId: tenantId };
    await shifted.by(by);
    expect((await reservations.reserve(request, 1)).taken).toBe(true);
    await shifted.by('0');
    await advanceLeaseClock(RESERVED_SECONDS - 10);
    expect(await reservations.heldIn(tenantId, tenantId)).toEqual([{ ...request, overdue: false }]);
    expect(await overdueReservations(projector, 10)).toEqual([]);
    await advanceLeaseClock(11);
    expect(await reservations.heldIn(tenantId, tenantId)).toEqual([{ ...request, overdue: true }]);
    expect(await overdueReservations(projector, 10)).toEqual([{ ...request, overdue: true }]);
  });
});
