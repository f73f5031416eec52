import { randomUUID } from 'node:crypto';
import { SIGN_UP_FAILPOINTS } from '#identity/sagas/sign-up';
import { openInterruptedSaga, PASSWORD, post, type SagaRequest } from './interrupted-saga';

jest.setTimeout(600_000);

describe('a sign-up that is interrupted by the death of the process', () => {
  let signUps: Awaited<ReturnType<typeof openInterruptedSaga<SagaRequest>>>;
  let counter = 0;

  beforeAll(async () => {
    signUps = await openInterruptedSaga<SagaRequest>({
      table: 'identity.sign_ups',
      tenantEvent: ['TenantCreated', 'ownerId'],
      newRequest: async () => ({ email: `ada${++counter}@acme.example`, key: randomUUID() }),
      send: (url, { email, key }) => {
        const body = { companyName: 'Acme', personName: 'Ada', email, password: PASSWORD };
        return post(url, '/v1/signup', body, { 'idempotency-key': key });
      },
    });
  });
  afterAll(() => signUps.close());

  it('is completed by the repeated request or by the sweeper, wherever it was interrupted', async () => {
    const [claimed, tenantCreated, userRegistered, completed] = SIGN_UP_FAILPOINTS;
    const { interruptAt } = signUps;
    const repeated = [await interruptAt(claimed), await interruptAt(tenantCreated, 'TenantCreated')];
    const swept = [
      await interruptAt(tenantCreated, 'TenantCreated'),
      await interruptAt(userRegistered, 'TenantCreated', 'UserRegistered'),
    ];
    repeated.push(await interruptAt(completed, 'TenantCreated', 'UserRegistered'));
    await signUps.expectCompleted(repeated, swept, 'TenantCreated', 'UserRegistered');
  });
});
