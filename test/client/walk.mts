// A program that uses the product by its client alone. `walk.spec.ts` compiles it with the strictest types, runs it against a
// started product, and reads what it prints.
import { randomUUID } from 'node:crypto';
import { createMemoryTokens, createTenantryClient, pagesOfItems, TenantryProblem, unwrap } from '@tenantry/client';

const [baseUrl = ''] = process.argv.slice(2);
const report: Record<string, unknown> = {};

const tokens = createMemoryTokens();
const ada = createTenantryClient({ baseUrl, tokens });
const email = `ada-${randomUUID()}@example.com`;
const password = 'correct horse battery staple';

const { user, tenant } = unwrap(
  await ada.POST('/v1/signup', { body: { companyName: 'Acme', personName: 'Ada Byron', email, password } }),
);
report['tenant'] = tenant.name;

const project = unwrap(await ada.POST('/v1/projects', { body: { name: 'Website' } }));
for (let n = 1; n <= 5; n++)
  unwrap(
    await ada.POST('/v1/projects/{id}/tasks', {
      params: { path: { id: project.id } },
      body: { title: `Task ${n}`, assigneeId: user.id },
    }),
  );
const titles: string[] = [];
for await (const { title } of pagesOfItems((cursor) =>
  ada.GET('/v1/projects/{id}/tasks', {
    params: { path: { id: project.id }, query: { limit: 2, ...(cursor !== undefined && { cursor }) } },
  }),
))
  titles.push(title);
report['tasks'] = titles.toSorted();

// A change for the version that was read, and then for one that is no longer current.
const read = await ada.GET('/v1/projects/{id}', { params: { path: { id: project.id } } });
const tag = read.response.headers.get('etag') ?? '';
const rename = (name: string) =>
  ada.PATCH('/v1/projects/{id}', {
    params: { path: { id: project.id }, header: { 'If-Match': tag } },
    body: { name },
  });
report['renamed'] = unwrap(await rename('Shop')).name;
const { error } = await rename('Blog');
report['conflict'] = error?.status;

// An invitation, which another person accepts.
const { url } = unwrap(await ada.POST('/v1/invitations', { body: { role: 'member', maxUses: 1 } }));
const max = createTenantryClient({ baseUrl });
unwrap(
  await max.POST('/v1/invitations/accept', {
    body: {
      token: url.split('/').at(-1) ?? '',
      personName: 'Max Born',
      email: `max-${randomUUID()}@example.com`,
      password,
    },
  }),
);
const members: string[] = [];
for await (const { name } of pagesOfItems((cursor) =>
  max.GET('/v1/members', { params: { query: cursor === undefined ? {} : { cursor } } }),
))
  members.push(name);
report['members'] = members.toSorted();

// The access token is lost: the client gets a new one.
const before = await tokens.get();
if (before) await tokens.set({ ...before, accessToken: `${before.accessToken.slice(0, -4)}AAAA` });
report['refreshed'] = unwrap(await ada.GET('/v1/me')).email === email;

const plan = unwrap(await ada.GET('/v1/billing')).plan;
const usage = unwrap(await ada.GET('/v1/usage'));
report['plan'] = plan;
report['usage'] = typeof usage;

unwrap(await ada.DELETE('/v1/sessions/current'));
const refused = await ada
  .GET('/v1/me')
  .then(unwrap)
  .catch((problem: unknown) => problem);
report['signedOut'] = refused instanceof TenantryProblem ? refused.problem.status : refused;

process.stdout.write(JSON.stringify(report));
