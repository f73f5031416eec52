import { randomUUID } from 'node:crypto';
import { JOIN_FAILPOINTS } from '#identity/sagas/join';
import { openInterruptedSaga, PASSWORD, post, type SagaRequest } from './interrupted-saga';

jest.setTimeout(600_000);

/** A request with the token of an invitation. */
interface JoinRequest extends SagaRequest {
  readonly token: string;
}

describe('a new user whose join is interrupted by the death of the process', () => {
  let joins: Awaited<ReturnType<typeof openInterruptedSaga<JoinRequest>>>;
  let owner: string;
  let counter = 0;

  const newInvitation = async (url: string): Promise<string> => {
    const authorization = `Bearer ${owner}`;
    const answer = await post(url, '/v1/invitations', { role: 'member', maxUses: 1 }, { authorization });
    const invitation = (await answer.json()) as { url: string };
    return new URL(invitation.url).pathname.split('/').at(-1) ?? '';
  };

  beforeAll(async () => {
    joins = await openInterruptedSaga<JoinRequest>({
      table: 'identity.joins',
      tenantEvent: ['MemberJoined', 'userId'],
      newRequest: async (url) => {
        const token = await newInvitation(url);
        return { email: `grace${++counter}@acme.example`, key: randomUUID(), token };
      },
      send: (url, { email, key, token }) => {
        const body = { token, personName: 'Grace', email, password: PASSWORD };
        return post(url, '/v1/invitations/accept', body, { 'idempotency-key': key });
      },
    });
    const product = joins.system.start();
    const url = await product.ready();
    const body = { companyName: 'Acme', personName: 'Ada', email: 'ada@acme.example', password: PASSWORD };
    owner = ((await (await post(url, '/v1/signup', body)).json()) as { accessToken: string }).accessToken;
    await product.end('SIGTERM');
  });
  afterAll(() => joins.close());

  it('becomes a member once, by the repeated request or by the sweeper, wherever the join was interrupted', async () => {
    const [claimed, joined, registered, completed] = JOIN_FAILPOINTS;
    const { interruptAt } = joins;
    const repeated = [await interruptAt(claimed), await interruptAt(joined, 'MemberJoined')];
    const swept = [
      await interruptAt(joined, 'MemberJoined'),
      await interruptAt(registered, 'MemberJoined', 'UserRegistered'),
    ];
    repeated.push(await interruptAt(completed, 'MemberJoined', 'UserRegistered'));
    await joins.expectCompleted(repeated, swept, 'MemberJoined', 'UserRegistered');
  });
});
