import { AppendOutcomeUnknown, LogUnavailable } from '#event-log/port';
import { createIdentityApp, type IdentityApp, type SignedUp } from '#test/support/identity-app';

jest.setTimeout(120_000);

/**
 * The log is not available, but PostgreSQL with the sessions and read models is: for example an unreachable
 * EventStoreDB.
 */
describe('the API while the event log is not available', () => {
  let app: IdentityApp;
  let ada: SignedUp;
  let notCached: SignedUp;

  const makeLogUnavailable = (): void => {
    for (const call of ['readStream', 'readAll', 'head', 'ping'] as const) {
      jest.spyOn(app.log, call).mockRejectedValue(new LogUnavailable('unavailable'));
    }
    jest.spyOn(app.log, 'append').mockRejectedValue(new AppendOutcomeUnknown('unavailable'));
  };
  const waitUntilMembershipIsStale = () => new Promise((resolve) => setTimeout(resolve, 1_100));
  const statusOf = async (method: 'GET' | 'PATCH', url: string, token: string): Promise<number> =>
    (await app.request(method, url, { token, ...(method === 'PATCH' && { payload: { name: 'Later' } }) })).statusCode;

  beforeAll(async () => {
    app = await createIdentityApp(undefined, { authorityGraceMs: 60_000 });
    ada = await app.signUp();
    notCached = await app.signUp();
    await app.settled();
  });
  afterAll(async () => {
    jest.restoreAllMocks();
    await app.close();
  });

  it('answers reads of a member in its cache, and 503 to writes and to members not in its cache', async () => {
    const { accessToken: token } = ada;
    expect(await statusOf('GET', '/v1/tenant', token)).toBe(200);
    makeLogUnavailable();
    await waitUntilMembershipIsStale();
    for (const url of ['/v1/tenant', '/v1/members', '/v1/projects', '/v1/teams', '/v1/me', '/v1/plans']) {
      expect([url, await statusOf('GET', url, token)]).toEqual([url, 200]);
    }
    const written = await app.request('PATCH', '/v1/tenant', { token, payload: { name: 'Later' } });
    expect(written.statusCode).toBe(503);
    expect(written.headers['retry-after']).toBe('1');
    expect(await statusOf('GET', '/v1/tenant', notCached.accessToken)).toBe(503);
  });

  it('refuses a session that has ended', async () => {
    const ended = await app.request('DELETE', '/v1/sessions/current', { token: ada.accessToken });
    expect(ended.statusCode).toBe(204);
    expect(await statusOf('GET', '/v1/tenant', ada.accessToken)).toBe(401);
  });
});
