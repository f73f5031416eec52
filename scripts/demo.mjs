// `npm run demo`: creates a few tenants with example data on a running server, over HTTP. It may be interrupted and run
// again: every write has an idempotency key, and users who have signed up before sign in.

// Reads the same .env as the product, for PORT.
try {
  process.loadEnvFile();
} catch {
  // There is no .env.
}
const base = (process.env.BASE_URL ?? `http://127.0.0.1:${process.env.PORT || 3000}`).replace(/\/$/, '');
const PASSWORD = 'correct horse battery staple';
/** The number of requests at the same time. */
const CONCURRENCY = 4;
const DAY_MS = 86_400_000;

const TENANTS = [
  { name: 'Example Bakery', word: 'bakery', projects: ['Winter menu', 'Second oven', 'Delivery by bicycle'] },
  { name: 'Example Robotics', word: 'robotics', projects: ['Gripper, third try', 'Fair in spring', 'Spare parts'] },
  { name: 'Example Travel', word: 'travel', projects: ['Night trains', 'Guide for islands', 'New booking page'] },
];
const STAFF = [
  { name: 'Adam Admin', role: 'admin' },
  { name: 'Mia Member', role: 'member' },
  { name: 'Max Member', role: 'member' },
  { name: 'Audrey Auditor', role: 'auditor' },
];
const TEAMS = ['Makers', 'Sellers'];
const TASKS = [
  ...['Write down what is known', 'Ask three customers', 'Compare two offers', 'Draw a first sketch', 'Order material'],
  ...[
    'Try it on a small scale',
    'Count what it costs',
    'Tell everybody',
    'Clean up afterwards',
    'Decide what comes next',
  ],
];
const STATUSES = ['open', 'in-progress', 'done'];

const total =
  TENANTS.length * (1 + STAFF.length * 2 + TEAMS.length * 2 + TENANTS[0].projects.length * (1 + TASKS.length * 2));
let done = 0;
const progress = (what) => {
  done += 1;
  const part = Math.min(1, done / total);
  if (process.stdout.isTTY) {
    const bar = '█'.repeat(Math.round(part * 30)).padEnd(30, '·');
    process.stdout.write(`\r${bar} ${String(Math.round(part * 100)).padStart(3)} %  ${what.padEnd(40).slice(0, 40)}`);
  } else if (done % 50 === 0) print(`${done} of ${total} requests: ${what}`);
};

const print = (line) => process.stdout.write(`${line}\n`);
const stop = (message) => {
  process.stderr.write(`\n${message}\n`);
  process.exit(1);
};

/**
 * Sends one request, and repeats it after 429 and 503. `allowed`: statuses that are accepted in addition to success.
 */
const send = async (method, path, { token, body, key, allowed = [], what = path } = {}) => {
  for (let attempt = 1; ; attempt++) {
    let response;
    try {
      response = await fetch(`${base}${path}`, {
        method,
        headers: {
          ...(body && { 'content-type': 'application/json' }),
          ...(token && { authorization: `Bearer ${token}` }),
          ...(key && { 'idempotency-key': `demo ${key}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
      });
    } catch (error) {
      stop(
        `No server answers at ${base} (${error.cause?.code ?? error.message}). Start one with "npm start", or set its URL: BASE_URL=http://host:port npm run demo`,
      );
    }
    if ((response.status === 429 || response.status === 503) && attempt <= 20) {
      const seconds = Number(response.headers.get('retry-after') ?? 1);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
      continue;
    }
    const text = await response.text();
    const answer = text && (response.headers.get('content-type') ?? '').includes('json') ? JSON.parse(text) : {};
    if (!response.ok && !allowed.includes(response.status))
      stop(`${method} ${path} was answered with ${response.status}: ${answer.detail ?? text}`);
    progress(what);
    return { status: response.status, answer };
  }
};

/** Calls `work(item, index)` for each item, for CONCURRENCY items at the same time. */
const forEachConcurrently = async (items, work) => {
  const remaining = [...items.entries()];
  const worker = async () => {
    for (let next = remaining.shift(); next; next = remaining.shift()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
};

const signIn = async (email) =>
  (await send('POST', '/v1/sessions', { body: { email, password: PASSWORD }, what: `${email} signs in` })).answer;

/** Signs up the owner of a tenant and signs in; if the owner has signed up before, only signs in. */
const signUp = async ({ name, word }) => {
  const email = `olive@${word}.example.com`;
  const body = { companyName: name, personName: 'Olive Owner', email, password: PASSWORD };
  const { status } = await send('POST', '/v1/signup', { body, allowed: [409], key: `sign up ${word}`, what: name });
  const { user, tenant, accessToken } = await signIn(email);
  return { email, token: accessToken, userId: user.id, tenantId: tenant.id, isNew: status !== 409 };
};

/**
 * Buys a plan with enough seats for all members at the built-in Stripe simulator, where no money moves. With Stripe
 * itself, the demo stops and prints the URL of the checkout.
 */
const subscribe = async ({ token, tenantId }, name) => {
  const { data } = (await send('GET', '/v1/usage', { token })).answer;
  const { limit } = data.find(({ resource }) => resource === 'seats');
  if (limit === null || limit > STAFF.length) return;
  const urls = { successUrl: `${base}/docs`, cancelUrl: `${base}/docs` };
  const wanted = { plan: 'pro', ...urls };
  const { answer } = await send('POST', '/v1/billing/checkout', {
    token,
    body: wanted,
    key: `${tenantId} buy`,
    what: name,
  });
  const card = new URLSearchParams({ card: '4242424242424242' });
  if (/^(127\.0\.0\.1|localhost)$/.test(new URL(answer.url).hostname))
    await fetch(answer.url, { method: 'POST', redirect: 'manual', body: card });
  for (let attempt = 0; attempt < 50; attempt++) {
    if ((await send('GET', '/v1/billing', { token })).answer.plan === 'pro') return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  stop(
    `${name} has only ${limit} seats. Start the server with PLANS=none, or buy the plan pro and run the demo again: ${answer.url}`,
  );
};

const fill = async (tenant) => {
  const { word } = tenant;
  const owner = await signUp(tenant);
  await subscribe(owner, tenant.name);
  // The idempotency keys contain the id of the tenant, so that a tenant that was signed up again gets all data again.
  const key = (what) => `${owner.tenantId} ${what}`;
  const write = (method, path, body, what) =>
    send(method, path, { token: owner.token, body, key: key(what), what: `${tenant.name}: ${what}` });
  const users = [];
  await forEachConcurrently(STAFF, async ({ name, role }, at) => {
    const email = `${name.split(' ')[0].toLowerCase()}@${word}.example.com`;
    const invited = await write('POST', '/v1/invitations', { role, maxUses: 1 }, `invite ${name}`);
    const token = invited.answer.url.split('/').at(-1);
    const body = { token, personName: name, email, password: PASSWORD };
    const joined = await send('POST', '/v1/invitations/accept', {
      body,
      key: key(`join ${name}`),
      allowed: [404, 401],
      what: `${name} joins`,
    });
    users[at] = { name, role, email, id: joined.answer.user?.id };
  });
  const members = (await send('GET', '/v1/members?limit=100', { token: owner.token })).answer.data;
  const workers = members.filter(({ role }) => role !== 'auditor').map(({ userId }) => userId);
  const teams = [];
  for (const [at, name] of TEAMS.entries()) {
    const made = await send('POST', '/v1/teams', {
      token: owner.token,
      body: { name },
      key: key(`team ${name}`),
      allowed: [409],
      what: `team ${name}`,
    });
    if (made.answer.id) teams.push(made.answer.id);
    if (made.answer.id)
      await write(
        'PUT',
        `/v1/teams/${made.answer.id}/members/${workers[at % workers.length]}`,
        undefined,
        `fill ${name}`,
      );
  }
  const existing = (await send('GET', '/v1/projects?limit=100', { token: owner.token })).answer.data;
  await forEachConcurrently(tenant.projects, async (name, number) => {
    const present = existing.find((it) => it.name === name);
    const body = {
      name,
      description: `What ${tenant.name} does about it.`,
      ...(teams.length && { teamId: teams[number % teams.length] }),
    };
    const project = present ?? (await write('POST', '/v1/projects', body, name)).answer;
    // The tasks that an interrupted run has created.
    const tasks = (await send('GET', `/v1/projects/${project.id}/tasks?limit=100`, { token: owner.token })).answer.data;
    const titles = new Set(tasks.map(({ title }) => title));
    for (const [at, title] of TASKS.entries()) {
      if (titles.has(title)) continue;
      const dueOn = new Date(Date.now() + (at * 3 - 6) * DAY_MS).toISOString().slice(0, 10);
      const assigneeId = at % 4 === 3 ? undefined : workers[(at + number) % workers.length];
      const task = { title, dueOn, ...(assigneeId && { assigneeId }) };
      const made = await write('POST', `/v1/projects/${project.id}/tasks`, task, `${name}: ${title}`);
      const status = STATUSES[(at + number) % STATUSES.length];
      if (status !== 'open')
        await write('PATCH', `/v1/tasks/${made.answer.id}`, { status }, `${name}: ${title} is ${status}`);
    }
  });
  return { ...tenant, owner, users };
};

const filled = [];
for (const tenant of TENANTS) filled.push(await fill(tenant));
if (process.stdout.isTTY) process.stdout.write(`\r${' '.repeat(90)}\r`);

print(`\n${base} now has ${filled.length} example tenants. The password of every user is "${PASSWORD}".\n`);
for (const { name, owner, users } of filled) {
  print(`${name}\n  owner    ${owner.email}`);
  for (const { role, email } of users) print(`  ${role.padEnd(8)} ${email}`);
}
const [{ name, owner }] = filled;
print(`
To send requests as the owner of ${name} (the token is valid for some minutes):
  TOKEN=${owner.token}
  curl -s ${base}/v1/members -H "authorization: Bearer $TOKEN"
  curl -s ${base}/v1/projects -H "authorization: Bearer $TOKEN"
  curl -s ${base}/v1/invitations -H "authorization: Bearer $TOKEN"
The page that documents every route: ${base}/docs`);
