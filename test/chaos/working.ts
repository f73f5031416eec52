import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, ask, PASSWORD, rename, signUp } from '../e2e/http';

/** ms that read models and reactions have for one change, on a machine that is busy with other things. */
const SHOWN_MS = 60_000;

/** What was acknowledged has no effect: asking again would only hide that. */
class WithoutEffect extends Error {}

/** Asks until the answer is as wanted; an answer that does not come is asked for again. */
const eventually = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  for (const end = performance.now() + SHOWN_MS; performance.now() < end; await sleep(100))
    if (await isSo().catch(() => false)) return;
  throw new WithoutEffect(what);
};

const require2xx = (what: string, status: number): void => {
  if (status >= 300) throw new Error(`${what} was answered ${status}`);
};

/** A tenant of the test's own, on a machine so busy that sign-ups may fail at first. */
export const signedUp = async (url: string, patienceMs = 300_000): Promise<Account> => {
  for (const end = performance.now() + patienceMs; ; await sleep(200)) {
    try {
      return await signUp(url);
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
};

const showsSignUpAndRename = async (url: string): Promise<string> => {
  const { token } = await signUp(url);
  const nameIs = (name: string) => async (): Promise<boolean> =>
    (await ask(url, '/v1/tenant', { token })).body.name === name;
  await eventually('a sign-up is not shown', nameIs('Acme'));
  const name = `Name ${randomUUID()}`;
  require2xx('a rename', (await rename(url, token, name)).status);
  await eventually('a rename is not shown', nameIs(name));
  return token;
};

/** A task of a member who is removed becomes free: a reaction does that. */
const reacts = async (url: string, token: string): Promise<void> => {
  const post = async <T>(path: string, body: object, isAnonymous = false): Promise<T> => {
    const answer = await ask(url, path, { method: 'POST', body, ...(!isAnonymous && { token }) });
    require2xx(`POST ${path}`, answer.status);
    return answer.body as T;
  };
  const invited = await post<{ url: string }>('/v1/invitations', { role: 'member', maxUses: 1 });
  const grace = { personName: 'Grace', email: `${randomUUID()}@example.com`, password: PASSWORD };
  const accepted = { token: invited.url.split('/').at(-1), ...grace };
  const { user } = await post<{ user: { id: string } }>('/v1/invitations/accept', accepted, true);
  const project = await post<{ id: string }>('/v1/projects', { name: 'Website' });
  const task = await post<{ id: string }>(`/v1/projects/${project.id}/tasks`, { title: 'Draw', assigneeId: user.id });
  require2xx('a removal', (await ask(url, `/v1/members/${user.id}`, { method: 'DELETE', token })).status);
  await eventually('a reaction did not answer', async () => {
    const { body } = await ask(url, `/v1/tasks/${task.id}`, { token });
    return (body as { assigneeId?: string | null }).assigneeId === null;
  });
};

const untilReady = async (url: string): Promise<void> => {
  let failing = '';
  const isReady = async (): Promise<boolean> => {
    const { status, body } = await ask(url, '/readyz');
    failing = JSON.stringify(body);
    return status === 200;
  };
  await eventually('/readyz is not 200', isReady).catch(() => {
    throw new WithoutEffect(`/readyz is not 200: ${failing}`);
  });
};

/**
 * Waits until the product does everything by itself: a sign-up and a rename are shown, a reaction answers, `/readyz` is
 * 200. A request that fails is tried again for `patienceMs`; one that was acknowledged has to have its effect.
 * @throws what did not work
 */
export const untilWorking = async (url: string, patienceMs = 120_000): Promise<void> => {
  for (const end = performance.now() + patienceMs; ; await sleep(200)) {
    try {
      await reacts(url, await showsSignUpAndRename(url));
      await untilReady(url);
      return;
    } catch (error) {
      if (error instanceof WithoutEffect || performance.now() > end) throw error;
    }
  }
};
