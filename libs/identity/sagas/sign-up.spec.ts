import { Problem } from '#platform/problems';
import { Cut, useSignUps } from '#testing/worlds/sign-up-world';
import { findCredentials } from '../users';
import { signUp } from './sign-up';

describe('a sign-up', () => {
  const world = useSignUps();
  const { request, passwords, store, events, facts, cutAt } = world;

  it('creates a user, a tenant and its owner, and lets the user sign in', async () => {
    const it = await signUp(request('Ada@Acme.Example'), { passwords, store: store(), events: events() });
    expect(await facts()).toEqual([
      {
        type: 'TenantCreated',
        data: { name: 'Acme', slug: 'acme', ownerId: it.userId, plan: 'free' },
        tenantId: it.tenantId,
        id: it.tenantId,
      },
      { type: 'UserRegistered', data: {}, tenantId: null, id: it.userId },
    ]);
    expect(await findCredentials(world.pool, 'ada@ACME.example')).toMatchObject({ userId: it.userId });
    expect(it.position).toBe(await world.log.head());
  });

  it.each(['ada@acme.example', 'ADA@acme.example', ' ada@acme.example '])(
    'is refused if the address is in use and is written as %j, and hashes the password nevertheless',
    async (email) => {
      const deps = { passwords, store: store(), events: events() };
      await signUp(request('ada@acme.example'), deps);
      const refused = await signUp(request(email), deps).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(Problem);
      expect(refused).toMatchObject({ problem: 'conflict' });
      expect(world.hashes).toBe(2);
      expect(await facts()).toHaveLength(2);
    },
  );

  it('is refused while another sign-up has claimed the address', async () => {
    const deps = { passwords, store: store(), events: events(cutAt('before tenant')) };
    await expect(signUp(request('ada@acme.example'), deps)).rejects.toBeInstanceOf(Cut);
    await expect(signUp(request('ada@acme.example'), deps)).rejects.toMatchObject({ problem: 'conflict' });
  });

  it('succeeds once among many that request the same address at the same time', async () => {
    const deps = { passwords, store: store(), events: events() };
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => signUp(request('ada@acme.example'), deps)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await facts()).toHaveLength(2);
  });
});
