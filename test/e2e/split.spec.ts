import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, rename, signUp } from './http';
import { sendUntilRefused } from './keep-alive';
import { numbersUpTo, openSplit, type Split } from './split-system';
import { endAll, until } from './start/product';

jest.setTimeout(600_000);

const countByStatus = (answers: readonly Answer[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

describe('two API processes and two workers on one database', () => {
  let split: Split;
  beforeAll(async () => {
    split = await openSplit();
  });
  afterAll(async () => {
    await endAll();
    await split.close();
  });

  it('show a write to one process on the other, by its Position', async () => {
    const { account, nameIn, urlFor } = split;
    for (const at of numbersUpTo(20)) {
      const written = await rename(urlFor(at), account.token, `Round ${at}`);
      expect(written.status).toBe(200);
      expect(await nameIn(urlFor(at + 1), written.headers.get('position'))).toBe(`Round ${at}`);
    }
  });

  it('show a purchase on one process on the other', async () => {
    const { urls } = split;
    const buyer = await signUp(urls[1]);
    const headers = { authorization: `Bearer ${buyer.token}`, 'content-type': 'application/json' };
    const body = { plan: 'pro', successUrl: 'http://127.0.0.1/', cancelUrl: 'http://127.0.0.1/' };
    const checkout = await fetch(`${urls[1]}/v1/billing/checkout`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const { url } = (await checkout.json()) as { url: string };
    await fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ card: '4242424242424242' }) });
    await until(async () => {
      const shown = (await (await fetch(`${urls[0]}/v1/billing`, { headers })).json()) as { plan: string };
      return shown.plan === 'pro';
    }, 20_000);
  });

  it('execute one of fifty requests with one Idempotency-Key, and answer all of them alike', async () => {
    const { account, eventsOf, urlFor } = split;
    const headers = { 'idempotency-key': randomUUID() };
    const before = (await eventsOf(account.tenantId)).length;
    const sendUntilAnswered = async (at: number): Promise<Answer> => {
      for (;;) {
        const answer = await rename(urlFor(at), account.token, 'Once', headers);
        if (answer.status !== 409) return answer;
        expect(answer.body.type).toBe('/problems/request-in-progress');
        await sleep(20);
      }
    };
    const answers = await Promise.all(numbersUpTo(50).map(sendUntilAnswered));
    const [first] = answers;
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual(first?.body);
      for (const name of ['etag', 'position']) expect(answer.headers.get(name)).toBe(first?.headers.get(name));
    }
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
    expect((await eventsOf(account.tenantId)).slice(before)).toEqual([{ version: before + 1, name: 'Once' }]);
  });

  it('accept exactly one of many concurrent changes of the same version', async () => {
    const { account, currentETag, nameIn, urlFor } = split;
    for (const round of numbersUpTo(5)) {
      const headers = { 'if-match': await currentETag() };
      const answers = await Promise.all(
        numbersUpTo(20).map((at) => rename(urlFor(at), account.token, `Winner ${round} ${at}`, headers)),
      );
      expect(countByStatus(answers)).toEqual({ 200: 1, 412: 19 });
      const accepted = answers.find(({ status }) => status === 200);
      expect(await nameIn(urlFor(round), accepted?.headers.get('position') ?? null)).toBe(accepted?.body.name);
    }
  });

  it('accept all of many concurrent changes without an expected version', async () => {
    const { account, eventsOf, urlFor } = split;
    const before = (await eventsOf(account.tenantId)).length;
    const answers = await Promise.all(numbersUpTo(40).map((at) => rename(urlFor(at), account.token, `Any ${at}`)));
    expect(countByStatus(answers)).toEqual({ 200: 40 });
    const names = (await eventsOf(account.tenantId)).slice(before).map(({ name }) => name);
    expect(names.sort()).toEqual(
      numbersUpTo(40)
        .map((at) => `Any ${at}`)
        .sort(),
    );
  });

  it('drop no accepted request after SIGTERM', async () => {
    const { apis, eventsOf, startApi, urlFor, urls } = split;
    const accounts = await Promise.all(numbersUpTo(12).map((at) => signUp(urlFor(at))));
    for (const at of [1, 0]) {
      let answers = 0;
      const sending = sendUntilRefused(
        urls[at] ?? '',
        accounts.map(({ token }) => token),
        `Last of ${at}`,
        (count) => {
          answers = count;
        },
      );
      await until(() => answers > accounts.length, 60_000);
      expect(await apis[at]?.end('SIGTERM')).toBe(0);
      const { answered, cut, refused } = await sending;
      expect(cut).toEqual([]);
      expect(refused).toHaveLength(12);
      expect(answered.length).toBeGreaterThan(accounts.length);
      expect(answered.filter(({ status }) => status !== 200)).toEqual([]);
      const events = await Promise.all(accounts.map(({ tenantId }) => eventsOf(tenantId)));
      const names = new Set(events.flat().map(({ name }) => name));
      expect(answered.filter(({ name }) => !names.has(name))).toEqual([]);
      expect(refused.filter((name) => names.has(name))).toEqual([]);
      apis[at] = startApi();
      urls[at] = (await apis[at]?.ready()) ?? '';
    }
  });
});
