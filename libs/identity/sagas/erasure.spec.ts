import { uuidv7 } from '#platform/ids/uuid';
import { Cut, cutAt, useErasures } from '#testing/worlds/erasure-world';
import { erase, sweepErasures } from './erasure';
import { type ErasureStore } from './erasure-store';

describe('an erasure', () => {
  const world = useErasures();
  const { request, facts, expectErased, removeOthers, user, append, storeOn, ids, events, rows, sweep, join } = world;

  it('ends every membership, then appends UserErased, then deletes the personal data', async () => {
    const { endedSessions, position } = await request();
    expect((await facts()).map(({ type, stream }) => [type, stream])).toEqual([
      ['MemberRemoved', world.tenantIds[0]],
      ['MemberRemoved', world.tenantIds[1]],
      ['UserErased', world.ada],
    ]);
    expect(endedSessions).toHaveLength(1);
    expect(position).toBe(await world.log.head());
    await expectErased();
  });

  it('leaves the address to other users', async () => {
    await request();
    const insertion = `insert into identity.users (id, email, email_key, name, password_hash) values ($1, 'x', 'ada@acme.example', 'x', '')`;
    await world.owner.query(insertion, [uuidv7()]);
  });

  it('is refused with the name of the tenant while the user is its only owner, and changes nothing', async () => {
    const tenantId = world.tenantIds[0] ?? '';
    await removeOthers(tenantId);
    await expect(request()).rejects.toMatchObject({
      problem: 'conflict',
      message: expect.stringContaining('Tenant 1'),
    });
    expect(await facts()).toEqual([]);
    expect(await user()).toMatchObject({ state: 'active', name: 'Ada' });
    await append(tenantId, { type: 'TenantClosed', data: { eraseAfter: '2027-01-01T00:00:00.000Z' } });
    await request();
    await expectErased();
  });

  it('is canceled before personal data is deleted if the user becomes the only owner in the meantime', async () => {
    const real = storeOn(world.pool);
    const late: ErasureStore = {
      ...real,
      claim: async (request) => {
        const begun = await real.claim(request);
        await removeOthers(world.tenantIds[0] ?? '');
        return begun;
      },
    };
    const refused = erase({ userId: world.ada, ...ids }, { store: late, events: events() });
    await expect(refused).rejects.toMatchObject({ problem: 'conflict', message: expect.stringContaining('Tenant 1') });
    expect(await facts()).toEqual([]);
    expect(await user()).toMatchObject({ state: 'active', name: 'Ada', email: 'Ada@acme.example' });
    expect(await rows('identity.erasures')).toBe(0);
    expect(await rows('identity.sessions', 'ended_at is null')).toBe(1);
  });

  it('is canceled by the sweeper if the user is the only owner of a tenant by then', async () => {
    await expect(request(cutAt('after begin'))).rejects.toBeInstanceOf(Cut);
    await removeOthers(world.tenantIds[0] ?? '');
    expect(await sweep()).toBe(1);
    expect(await user()).toMatchObject({ state: 'active', name: 'Ada' });
    expect(await sweep()).toBe(0);
  });

  it('refuses sign-ins and sessions of the user until it is completed', async () => {
    await expect(request(cutAt('after begin'))).rejects.toBeInstanceOf(Cut);
    const { rows: credentials } = await world.pool.query(
      `select * from identity.find_credentials('ada@acme.example', null)`,
    );
    expect(credentials).toEqual([]);
    const { rows: opened } = await world.pool.query(
      `select identity.open_session($1, $2, $3, 1, '\\x03', 30, null, null, 1, null, 100, 'password') as ended`,
      [uuidv7(), world.ada, world.tenantIds[1]],
    );
    expect(opened).toEqual([{ ended: null }]);
  });

  it('that finds its user as the only owner of a tenant a minute later reports it once, and ends', async () => {
    await request();
    const tenantId = world.tenantIds[0] ?? '';
    await join(tenantId, world.ada, 'owner');
    await removeOthers(tenantId);
    await world.owner.query(`update identity.erasures set erased_at = erased_at - interval '61 seconds'`);
    const orphans: string[][] = [];
    const onOrphan = (...found: string[]) => void orphans.push(found);
    const deps = { store: storeOn(world.projector), events: events(), onOrphan };
    expect(await sweepErasures(deps, 0)).toBe(1);
    expect(await sweepErasures(deps, 0)).toBe(0);
    expect(orphans).toEqual([[tenantId, world.ada]]);
    expect(await user()).toMatchObject({ state: 'erased' });
  });
});
