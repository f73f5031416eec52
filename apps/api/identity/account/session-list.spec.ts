import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

interface ListedSession {
  readonly id: string;
  readonly current: boolean;
  readonly tenantId: string;
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly createdAt: string;
  readonly lastUsedAt: string;
}

describe('sessions over HTTP', () => {
  let identity: IdentityApp;
  beforeAll(async () => {
    identity = await createIdentityApp();
  });
  afterAll(() => identity.close());

  const signIn = async ({ sent }: SignedUp, userAgent = 'Browser/1.0'): Promise<SignedUp> =>
    (
      await identity.post('/v1/sessions', { email: sent.email, password: PASSWORD }, { 'user-agent': userAgent })
    ).json();
  const list = async (token: string, query = ''): Promise<{ data: ListedSession[]; nextCursor: string | null }> =>
    (await identity.get(`/v1/sessions${query}`, token)).json();
  const end = (id: string, token: string) => identity.request('DELETE', `/v1/sessions/${id}`, { token });

  describe('GET /v1/sessions', () => {
    it('lists the sessions of the user, newest first, and marks the present one', async () => {
      const ada = await identity.signUp();
      const second = await signIn(ada, 'Phone/2.0');
      const { data, nextCursor } = await list(second.accessToken);
      expect(nextCursor).toBeNull();
      expect(data).toEqual([
        {
          id: expect.any(String),
          current: true,
          tenantId: ada.tenant.id,
          address: '127.0.0.1',
          userAgent: 'Phone/2.0',
          createdAt: expect.stringMatching(/Z$/),
          lastUsedAt: expect.stringMatching(/Z$/),
        },
        expect.objectContaining({ current: false }),
      ]);
      expect((await list(ada.accessToken)).data.map(({ current }) => current)).toEqual([false, true]);
    });

    it('shows from where each session was last used to change something', async () => {
      const ada = await identity.signUp();
      await identity.request('POST', '/v1/teams', {
        ...{ token: ada.accessToken, payload: { name: 'Sales' } },
        ...{ headers: { 'user-agent': 'Phone/2.0' }, remoteAddress: '2001:db8::7' },
      });
      await identity.get('/v1/teams', ada.accessToken);
      expect((await list(ada.accessToken)).data).toMatchObject([{ address: '2001:db8::7', userAgent: 'Phone/2.0' }]);
    });

    it('returns each session once, page by page', async () => {
      const ada = await identity.signUp();
      for (let n = 0; n < 4; n++) await signIn(ada);
      const seen: ListedSession[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const page = await list(ada.accessToken, `?limit=2${cursor && `&cursor=${cursor}`}`);
        seen.push(...page.data);
        cursor = page.nextCursor;
      }
      expect(seen.map(({ id }) => id)).toEqual((await list(ada.accessToken)).data.map(({ id }) => id));
      expect(seen).toHaveLength(5);
    });

    it('leaves out sessions that have ended or expired', async () => {
      const ada = await identity.signUp();
      const [first, second] = [await signIn(ada), await signIn(ada)];
      const sidOf = async ({ accessToken }: SignedUp) =>
        (await list(accessToken)).data.find(({ current }) => current)?.id ?? '';
      const [ended, expired] = [await sidOf(first), await sidOf(second)];
      await end(ended, ada.accessToken);
      await identity.owner.query('update identity.sessions set expires_at = now() where id = $1', [expired]);
      expect((await list(ada.accessToken)).data).toHaveLength(1);
    });

    it('is answered by one statement that uses one index', async () => {
      const { user } = await identity.signUp();
      await identity.owner.query('analyze identity.sessions');
      const client = await identity.owner.connect();
      await client.query('begin; set local enable_seqscan = off; set local enable_sort = off');
      await client.query(`select set_config('app.user_id', $1, true)`, [user.id]);
      const { rows } = await client.query(
        `explain select id from identity.sessions where user_id = $1 and ended_at is null
         and (created_at, id) < (now(), $1::uuid) order by created_at desc, id desc limit 51`,
        [user.id],
      );
      await client.query('rollback');
      client.release();
      expect(JSON.stringify(rows)).toContain('sessions_open_idx');
    });
  });
});
