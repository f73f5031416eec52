import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { createTenantWithMembers, type Tenant, type TestMember } from '#test/support/tenant';

describe('projects', () => {
  let identity: IdentityApp;
  let acme: Tenant;
  let other: Tenant;
  beforeAll(async () => {
    identity = await createIdentityApp();
    acme = await createTenantWithMembers(identity);
    other = await createTenantWithMembers(identity);
  });
  afterAll(() => identity.close());

  const create = async (member: TestMember, more: object = {}): Promise<{ id: string }> => {
    const answer = await member.send('POST', '/v1/projects', { name: 'Website', ...more });
    expect(answer.statusCode).toBe(201);
    return answer.json();
  };

  it('are listed newest first, page by page, without archived ones by default', async () => {
    const tenant = await createTenantWithMembers(identity);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.unshift((await create(tenant.member, { name: `Project ${n}` })).id);
    await tenant.member.send('DELETE', `/v1/projects/${ids[1]}`);
    const list = async (query: string): Promise<{ ids: string[]; nextCursor: string | null }> => {
      const answer = await tenant.member.get(`/v1/projects?${query}`);
      expect(answer.statusCode).toBe(200);
      const { data, nextCursor } = answer.json();
      return { ids: data.map(({ id }: { id: string }) => id), nextCursor };
    };
    const active = ids.filter((_, at) => at !== 1);
    expect(await list('')).toEqual({ ids: active, nextCursor: null });
    expect(await list('archived=false')).toEqual({ ids: active, nextCursor: null });
    expect(await list('archived=true')).toEqual({ ids: [ids[1]], nextCursor: null });
    expect(await list('archived=all')).toEqual({ ids, nextCursor: null });
    for (const [archived, expected] of [
      ['false', active],
      ['all', ids],
    ] as const) {
      const seen: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: Awaited<ReturnType<typeof list>> = await list(
          `limit=2&archived=${archived}${cursor && `&cursor=${cursor}`}`,
        );
        expect(page.ids.length).toBeLessThanOrEqual(2);
        seen.push(...page.ids);
        cursor = page.nextCursor;
      }
      expect(seen).toEqual(expected);
    }
  });

  it('are not listed by a cursor of another tenant', async () => {
    for (let n = 0; n < 2; n++) await create(acme.member);
    const { nextCursor } = (await acme.member.get('/v1/projects?limit=1')).json();
    const answer = await other.member.get(`/v1/projects?limit=1&cursor=${nextCursor}`);
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/query/cursor' }] });
  });

  it.each(['archived=maybe', 'limit=0', 'limit=101', 'cursor=x', 'sort=name'])(
    'are not listed by the invalid query %s',
    async (query) => {
      const answer = await acme.member.get(`/v1/projects?${query}`);
      const pointer = `/query/${query.split('=', 1)[0]}`;
      expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer }] });
    },
  );
});
