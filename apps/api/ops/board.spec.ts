import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { createOperatorTokens } from '#identity/operators/operator-tokens';
import { createOperators, type OperatorActionInput } from '#identity/operators/operators';
import { createPool } from '#platform/database/connections/pools';
import { createJobs } from '#platform/jobs/create-jobs';
import { createPostgresTransport } from '#platform/jobs/postgres';
import { silentLogger } from '#platform/logging/logger.port';
import { createTestDatabase, TEST_SECRET_KEY, type TestDatabase } from '#testing/database';
import { addTestOperator, operatorTokenOf } from '#testing/operators';
import { asUser, createToyApp } from '../http/testing/toy-app';
import { serveJobsBoard } from './board';
import { createGate } from './gate';

const tokens = createOperatorTokens(TEST_SECRET_KEY);

describe('the board of jobs', () => {
  let database: TestDatabase;
  let app: NestFastifyApplication;
  let jobs: ReturnType<typeof createJobs>;
  let jobsOfOtherProcess: ReturnType<typeof createJobs>;
  let schedules: Pool;
  let token: string;
  let cookie: string;
  const recorded: OperatorActionInput[] = [];

  const open = () =>
    createJobs({
      transport: (onError) => createPostgresTransport({ url: database.urls.jobs, max: 3, onError }),
      schedules,
      registry: new Registry(),
      logger: silentLogger,
      graceMs: 1_000,
    });

  beforeAll(async () => {
    database = await createTestDatabase();
    schedules = createPool({ url: database.urls.projector, max: 2, applicationName: 'test' });
    [jobs, jobsOfOtherProcess] = [open(), open()];
    const operators = createOperators(schedules);
    const gate = createGate({ tokens, operators, publicUrl: () => 'https://api.example.com' });
    const { id } = await addTestOperator(database);
    const record = async (_request: unknown, action: OperatorActionInput): Promise<void> => {
      recorded.push(action);
    };
    app = await createToyApp({
      addRoutes: (instance) => serveJobsBoard(instance, { gate, operatorLog: { record }, queues: jobs.allQueues }),
    });
    token = operatorTokenOf(id);
    cookie = `tenantry-operator=${token}`;
  });
  afterAll(async () => {
    await app.close();
    await Promise.all([jobs.close(), jobsOfOtherProcess.close()]);
    await schedules.end();
    await database.drop();
  });

  const get = (url: string, headers: Record<string, string> = { authorization: `Bearer ${token}` }) =>
    app.inject({ url, headers });
  const put = (url: string, headers: Record<string, string>) =>
    app.inject({ method: 'PUT', url, headers: { host: 'api.example.com', ...headers } });
  const queueNamed = async (name: string) => {
    const { queues } = (await get('/ops/jobs/api/queues')).json();
    return queues.find((it: { name: string }) => it.name === name);
  };
  const waitForFailed = async (queue: string, count: number): Promise<void> => {
    while ((await queueNamed(queue))?.counts.failed !== count) await new Promise((resolve) => setTimeout(resolve, 50));
  };

  it.each(['/ops/jobs', '/ops/jobs/', '/ops/jobs/queue/x', '/ops/jobs/api/queues', '/ops/jobs/static/favicon.ico'])(
    'answers %s 401 without an operator token',
    async (url) => {
      const issued = token.slice(0, -1);
      for (const headers of [
        {},
        asUser(),
        { authorization: `Bearer ${issued}${token.endsWith('A') ? 'Q' : 'A'}` },
        { cookie: 'tenantry-operator=x' },
      ]) {
        const answer = await get(url, headers);
        expect([answer.statusCode, answer.headers['content-type']]).toEqual([
          401,
          expect.stringContaining('application/problem+json'),
        ]);
      }
      const browser = await get(url, { accept: 'text/html' });
      expect([browser.statusCode, browser.headers.location]).toEqual([
        303,
        `/ops/login?next=${encodeURIComponent(url)}`,
      ]);
    },
  );

  it('loads scripts, styles and images from this server only', async () => {
    const { body, headers } = await get('/ops/jobs');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(body).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(body).not.toContain('<%');
    expect(body).not.toMatch(/ style=|<style/);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const files = [...body.matchAll(/(?:src|href)="(static\/[^"]+\.(?:js|css))"/g)].map(([, file]) => file);
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) expect((await get(`/ops/jobs/${file}`)).statusCode).toBe(200);
    expect((await get('/ops/jobs/static/../index.ejs')).statusCode).toBe(404);
  });

  it('shows queues of other processes, and retries failed jobs', async () => {
    let broken = true;
    jobsOfOtherProcess.work<{ n: number }>(
      'letters',
      async () => {
        if (broken) throw new Error('the mail server is closed: https://a:secret@mail.example');
      },
      { concurrency: 1, timeoutMs: 5_000 },
    );
    await jobsOfOtherProcess.queue<{ n: number }>('letters').addMany([{ data: { n: 1 } }, { data: { n: 2 } }]);
    await waitForFailed('letters', 2);
    const { body } = await get('/ops/jobs/api/queues?activeQueue=letters&status=failed');
    expect(body).toContain('the mail server is closed');
    expect(body).not.toContain('secret');
    broken = false;
    const fromOwnPage = { cookie, 'sec-fetch-site': 'same-origin' };
    expect((await put('/ops/jobs/api/queues/letters/retry/failed', fromOwnPage)).statusCode).toBe(200);
    await waitForFailed('letters', 0);
    expect(recorded).toEqual([{ action: 'jobs.retry', target: 'letters failed', tenantId: null, reason: null }]);
  });

  it('shows the last runs of a schedule', async () => {
    let runs = 0;
    await jobsOfOtherProcess.schedule('ticks', 600_000, async () => void runs++);
    while ((await queueNamed('ticks'))?.counts.completed !== 1) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(runs).toBe(1);
  });

  it('refuses a write that a page of another site sends with the cookie', async () => {
    await jobs.queue<{ n: number }>('held').add({ n: 1 });
    const url = '/ops/jobs/api/queues/held/pause';
    for (const headers of [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ]) {
      expect((await put(url, { cookie, ...headers })).statusCode).toBe(403);
    }
    expect((await queueNamed('held')).isPaused).toBe(false);
    expect((await put(url, { cookie, origin: 'https://api.example.com' })).statusCode).toBe(200);
    expect((await queueNamed('held')).isPaused).toBe(true);
    expect((await put('/ops/jobs/api/queues/held/resume', { authorization: `Bearer ${token}` })).statusCode).toBe(200);
    expect((await queueNamed('held')).isPaused).toBe(false);
    const done = recorded.filter(({ target }) => target === 'held');
    expect(done.map(({ action }) => action)).toEqual(['jobs.pause', 'jobs.resume']);
  });

  it.each([
    ['POST', 'add', { name: 'job', data: {} }],
    ['PUT', 'obliterate', {}],
    ['PUT', 'concurrency', { concurrency: 1 }],
  ] as const)('refuses to create or change jobs and to change the queue: %s …/%s', async (method, action, payload) => {
    await jobs.queue<{ n: number }>('fixed').add({ n: 1 });
    const headers = { authorization: `Bearer ${token}` };
    const url = `/ops/jobs/api/queues/fixed/${action}`;
    await queueNamed('fixed');
    const before = recorded.length;
    expect((await app.inject({ method, url, headers, payload })).statusCode).toBe(405);
    expect(recorded).toHaveLength(before);
  });
});
