import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, PASSWORD, rename, send, signUp } from '../e2e/http';
import { outputs } from '../e2e/start/product';

/** ms that read models and reactions may take for one change on a busy machine. */
const EFFECT_MS = 60_000;

/** An acknowledged request has no effect. It is not sent again, because that would only hide the error. */
class WithoutEffect extends Error {}

/**
 * Reads a path until its answer is as expected.
 * @throws WithoutEffect after 60 s, with the message, the last answer and the logs of all processes
 */
const eventually = async (
  message: string,
  read: () => ReturnType<typeof send>,
  isExpected: (answer: Awaited<ReturnType<typeof send>>) => boolean,
): Promise<void> => {
  let last: unknown;
  for (const end = performance.now() + EFFECT_MS; performance.now() < end; await sleep(100)) {
    try {
      const answer = await read();
      if (isExpected(answer)) return;
      last = { status: answer.status, body: answer.body };
    } catch (error) {
      last = String(error);
    }
  }
  throw new WithoutEffect([message, JSON.stringify(last), ...outputs()].join('\n'));
};

const require2xx = (request: string, status: number): void => {
  if (status >= 300) throw new Error(`the answer to ${request} was ${status}`);
};

/**
 * Signs up a tenant for the test. A failed sign-up is tried again for `patienceMs` (ms), because the machine may be
 * busy.
 */
export const signedUp = async (url: string, patienceMs = 300_000): Promise<Account> => {
  for (const end = performance.now() + patienceMs; ; await sleep(200)) {
    try {
      return await signUp(url);
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
};

/** Checks that a sign-up and a rename are visible. @returns the access token of the owner */
const checkSignUpAndRename = async (url: string): Promise<string> => {
  const { token } = await signUp(url);
  const untilNameIs = (name: string, message: string): Promise<void> =>
    eventually(
      message,
      () => send(url, '/v1/tenant', { token }),
      ({ body }) => body.name === name,
    );
  await untilNameIs('Acme', 'a sign-up is not visible');
  const name = `Name ${randomUUID()}`;
  require2xx('a rename', (await rename(url, token, name)).status);
  await untilNameIs(name, 'a rename is not visible');
  return token;
};

/** Checks that a reaction works: a task of a removed member becomes unassigned. */
const checkReaction = async (url: string, token: string): Promise<void> => {
  const post = async <T>(path: string, body: object, isAnonymous = false): Promise<T> => {
    const answer = await send(url, path, { method: 'POST', body, ...(!isAnonymous && { token }) });
    require2xx(`POST ${path}`, answer.status);
    return answer.body as T;
  };
  const invited = await post<{ url: string }>('/v1/invitations', { role: 'member', maxUses: 1 });
  const grace = { personName: 'Grace', email: `${randomUUID()}@example.com`, password: PASSWORD };
  const accepted = { token: invited.url.split('/').at(-1), ...grace };
  const { user } = await post<{ user: { id: string } }>('/v1/invitations/accept', accepted, true);
  const project = await post<{ id: string }>('/v1/projects', { name: 'Website' });
  const task = await post<{ id: string }>(`/v1/projects/${project.id}/tasks`, { title: 'Draw', assigneeId: user.id });
  require2xx('a removal', (await send(url, `/v1/members/${user.id}`, { method: 'DELETE', token })).status);
  await eventually(
    'a reaction did not answer an event',
    () => send(url, `/v1/tasks/${task.id}`, { token }),
    ({ body }) => (body as { assigneeId?: string | null }).assigneeId === null,
  );
};

const untilReady = (url: string): Promise<void> =>
  eventually(
    '/readyz is not 200',
    () => send(url, '/readyz'),
    ({ status }) => status === 200,
  );

/**
 * Waits until the whole product works: a sign-up and a rename are visible, a reaction answers, and `/readyz` is 200. A
 * failed request is tried again for `patienceMs` (ms); an acknowledged one must have its effect.
 * @throws Error the check that failed
 */
export const untilWorking = async (url: string, patienceMs = 120_000): Promise<void> => {
  for (const end = performance.now() + patienceMs; ; await sleep(200)) {
    try {
      await checkReaction(url, await checkSignUpAndRename(url));
      await untilReady(url);
      return;
    } catch (error) {
      if (error instanceof WithoutEffect || performance.now() > end) throw error;
    }
  }
};
