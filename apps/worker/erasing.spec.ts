import { eraseTenants } from '#erasing/erase-tenants';
import { ADVISORY_LOCKS, REBUILD_LOCKS } from '#platform/database/locks/advisory-locks';
import { tenantsToErase } from '#projections/tenants/queries';
import { useClosedTenants } from '#test/support/worlds/closed-tenants';
import { eventually as until } from '#testing/worlds/rebuild-world';

describe('a tenant that was closed', () => {
  const world = useClosedTenants();
  const { close, eventsOf, makeDue, rowsOf } = world;

  it('refuses every request after it was closed, and is kept until it is due for erasure', async () => {
    const { accessToken, tenant, sent } = await close();
    expect((await world.app.get('/v1/tenant', accessToken)).statusCode).toBe(401);
    expect((await world.app.get('/v1/projects', accessToken)).statusCode).toBe(401);
    const signedIn = await world.app.post('/v1/sessions', { email: sent.email, password: sent.password });
    expect([signedIn.statusCode, signedIn.json().tenant]).toEqual([201, undefined]);
    expect(await eraseTenants(world.deps)).toBe(0);
    expect(await eventsOf(tenant.id)).toBeGreaterThan(0);
  });

  it.each([
    ['the process', 10],
    ['the database', -10],
  ])('is not erased while only the clock of %s says that it is due', async (_, daysAhead) => {
    const { tenant } = await close();
    // With its clock behind, a process sees what a process with the right time sees while the database is ahead.
    const eraseIn = (days: number) =>
      world.app.owner.query(
        'update read_model.closed_tenants set erase_after = now() + make_interval(days => $2) where tenant_id = $1',
        [tenant.id, days],
      );
    await eraseIn(daysAhead > 0 ? 5 : -5);
    const now = new Date(Date.now() + daysAhead * 86_400_000);
    expect(await tenantsToErase(world.deps.pool, 100, now)).not.toContain(tenant.id);
    await makeDue(tenant.id);
    expect(await tenantsToErase(world.deps.pool, 100)).toContain(tenant.id);
    await eraseIn(30);
  });

  it('is erased with its events and every row when it is due, and no other tenant is erased', async () => {
    const other = await world.app.signUp();
    await world.app.settled();
    const before = await rowsOf(other.tenant.id);
    const { tenant } = await close();
    expect(Object.keys(await rowsOf(tenant.id)).length).toBeGreaterThan(3);
    await makeDue(tenant.id);
    expect(await eraseTenants(world.deps)).toBe(1);
    expect(await rowsOf(tenant.id)).toEqual({});
    expect(await eventsOf(tenant.id)).toBe(0);
    expect(await rowsOf(other.tenant.id)).toEqual(before);
    const tombstones = await world.app.log.readStream({ tenantId: null, aggregate: 'operators', id: tenant.id });
    expect(tombstones.map(({ type, data }) => [type, data])).toEqual([['TenantErased', { tenantId: tenant.id }]]);
  });

  it('is erased with the joins of its users, and the e-mail address of a user who had not joined yet is free again', async () => {
    const { tenant } = await close();
    for (const [name, completed] of [
      ['joined', true],
      ['joining', false],
    ] as const) {
      const key = `${name} ${tenant.id}`;
      await world.app.owner.query(
        `with made as (insert into identity.users (id, email, email_key, name, password_hash, state)
           values (gen_random_uuid(), $1, $1, $1, '', $2) returning id)
         insert into identity.joins (user_id, tenant_id, token_hash, email_domain, command_id, correlation_id, completed_at)
           select id, $3, '', '', gen_random_uuid(), 'test', $4 from made`,
        [key, completed ? 'active' : 'pending', tenant.id, completed ? new Date() : null],
      );
    }
    await makeDue(tenant.id);
    expect(await eraseTenants(world.deps)).toBe(1);
    expect(await rowsOf(tenant.id)).toEqual({});
    const { rows } = await world.app.owner.query(
      'select email_key as key from identity.users where email_key like $1',
      [`%${tenant.id}`],
    );
    expect(rows).toEqual([{ key: `joined ${tenant.id}` }]);
  });

  it('is erased completely after an interruption between its events and its rows, and not a second time', async () => {
    const { tenant } = await close();
    await makeDue(tenant.id);
    // The projector has no right to delete rows of this table, so the erasure fails.
    await world.app.owner.query('create table read_model.a_table_of_the_owner (tenant_id uuid)');
    await expect(eraseTenants(world.deps)).rejects.toThrow('a_table_of_the_owner');
    await world.app.owner.query('drop table read_model.a_table_of_the_owner');
    expect(await eventsOf(tenant.id)).toBe(0);
    // A rebuild of this read model without the events has the same effect.
    await world.app.owner.query('delete from read_model.closed_tenants where tenant_id = $1', [tenant.id]);
    expect(await eraseTenants(world.deps)).toBe(1);
    expect(await rowsOf(tenant.id)).toEqual({});
    expect(await eraseTenants(world.deps)).toBe(0);
    expect(await world.app.log.readStream({ tenantId: null, aggregate: 'operators', id: tenant.id })).toHaveLength(1);
  });

  it('is erased even if the log was restored to before the position that its erasure waits for', async () => {
    const { tenant } = await close();
    await makeDue(tenant.id);
    const head = await world.app.log.head();
    await world.app.owner.query(
      'insert into erasing.erasures (tenant_id, head, deleted_at) values ($1, $2, now()) on conflict do nothing',
      [tenant.id, (head + 1_000_000n).toString()],
    );
    await until(async () => (await eraseTenants(world.deps)) === 1);
    expect(await rowsOf(tenant.id)).toEqual({});
  });

  it('is not changed any more by a worker that lost its lock after another worker has erased the tenant', async () => {
    const { tenant } = await close();
    await makeDue(tenant.id);
    let takeovers = 0;
    const slow = {
      ...world.deps,
      log: new Proxy(world.deps.log, {
        get: (log, name) => {
          const value: unknown = Reflect.get(log, name);
          if (name !== 'deleteTenant') return typeof value === 'function' ? value.bind(log) : value;
          return async (id: string): Promise<void> => {
            await log.deleteTenant(id);
            // The session that holds the lock ends, and another worker does the whole work meanwhile.
            await world.app.owner.query(
              `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = $1
               and database = (select oid from pg_database where datname = current_database())`,
              [ADVISORY_LOCKS.erasingTenants],
            );
            await until(async () => (await eraseTenants(world.deps)) === 1);
            takeovers++;
          };
        },
      }),
    };
    await expect(eraseTenants(slow)).rejects.toThrow(/was taken over$/);
    expect(takeovers).toBe(1);
    expect(await rowsOf(tenant.id)).toEqual({});
    expect(await world.app.log.readStream({ tenantId: null, aggregate: 'operators', id: tenant.id })).toHaveLength(1);
  });

  it('is not erased while a rebuild of a read model may still read its events', async () => {
    const { tenant } = await close();
    await makeDue(tenant.id);
    // The rebuild belongs to a projection that no worker here knows, so that no worker completes it.
    const rebuilding = await world.app.owner.connect();
    await rebuilding.query(`select pg_advisory_lock($1, hashtext('of-another-release'))`, [REBUILD_LOCKS]);
    await world.app.owner.query(
      `with other as (insert into projecting.checkpoints (projection, version, position)
         values ('of-another-release', 1, 1000000000) returning projection)
       insert into projecting.rebuilds (id, projection, version, state)
         select gen_random_uuid(), projection, 1, 'catching-up' from other`,
    );
    expect(await eraseTenants(world.deps)).toBe(0);
    expect(await rowsOf(tenant.id)).not.toEqual({});
    // The process ends. Its lock is released, and its rebuild no longer delays the erasure.
    rebuilding.release(true);
    await until(async () => (await eraseTenants(world.deps)) === 1);
    expect(await rowsOf(tenant.id)).toEqual({});
  });
});
