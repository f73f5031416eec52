// Tests the built product as a new user starts it: `npm start` in an empty data folder, the printed commands, a second
// start on the same data, a stop, a restart, and a start after a crash. The last line is `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './build.mjs';

const home = mkdtempSync(join(tmpdir(), 'tenantry-smoke-'));
// If this process is root, PostgreSQL runs as another user, which needs access to the folder.
chmodSync(home, 0o755);
const dataDir = join(home, 'data');
const started = [];
let passed = 0;
let failed = 0;

const print = (line) => process.stdout.write(`${line}\n`);

/** Checks one claim, prints the result and counts it. A failure ends the run, because the later checks depend on it. */
const check = async (claim, work) => {
  const began = performance.now();
  try {
    const result = await work();
    passed += 1;
    print(`ok   ${claim} (${Math.round(performance.now() - began)} ms)`);
    return result;
  } catch (error) {
    failed += 1;
    print(`FAIL ${claim}: ${error.stack ?? error}${error.cause ? `\n  caused by: ${error.cause}` : ''}`);
    print(`output of the product:\n${started.at(-1)?.output}`);
    throw error;
  }
};

const assert = (condition, message) => {
  if (!condition) throw new Error(message);
};

const freePort = async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
};

const start = (port) => {
  const { PATH, HOME } = process.env;
  const child = spawn('npm', ['start', '--silent'], {
    cwd: root,
    env: { PATH, HOME, DATA_DIR: dataDir, PORT: String(port), STRIPE_SIM_PORT: '0', LOG_FORMAT: 'json' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const product = { child, output: '', ended: once(child, 'close').then(([code]) => code) };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (product.output += data));
  started.push(product);
  return product;
};

/** The id of the product's process, which is a child of npm. It is read from the lock of the data folder. */
const productPid = () => JSON.parse(readFileSync(join(dataDir, 'tenantry.lock'), 'utf8')).pid;

const serverPid = () => {
  const file = join(dataDir, 'postgres/postmaster.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
};

const isAlive = (pid) => {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    // A zombie, which its parent has not waited for yet, has ended.
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

const requireReady = async (product, url) => {
  for (const end = Date.now() + 90_000; Date.now() < end; await sleep(20)) {
    if (product.child.exitCode !== null) break;
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok && product.output.includes('/v1/tenant')) return;
  }
  throw new Error(`not ready:\n${product.output}`);
};

const request = async (method, path, { body, token } = {}) => {
  const headers = {
    ...(body && { 'content-type': 'application/json' }),
    ...(token && { authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const text = await answer.text();
  assert(answer.ok, `${method} ${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
};

const ACCOUNT = { email: 'grace@smoke.example', password: 'a long enough pass phrase' };
const SIGNUP = { companyName: 'Smoke', personName: 'Grace Hopper', ...ACCOUNT };

const requireData = async (url) => {
  const { accessToken } = await request('POST', `${url}/v1/sessions`, { body: ACCOUNT });
  const { name } = await request('GET', `${url}/v1/tenant`, { token: accessToken });
  assert(name === 'Smoke', `the tenant is named ${name}`);
};

const requireCleanStop = async (product) => {
  const server = serverPid();
  assert(isAlive(server), 'PostgreSQL is not running');
  product.child.kill('SIGTERM');
  assert((await product.ended) === 0, `ended with code ${product.child.exitCode}:\n${product.output}`);
  assert(!isAlive(server), 'PostgreSQL is still running');
};

/** Shells in which a user may paste the commands, with the arguments that read commands as an interactive shell does. */
const SHELLS = [
  ['bash', ['--norc', '-i']],
  ['dash', ['-i']],
  ['zsh', ['-f', '-i']],
];

/** The commands of the README under "A first tenant". */
const readmeCommands = (url) => {
  const [, section] = readFileSync(join(root, 'README.md'), 'utf8').split('## A first tenant');
  const block = section
    .split('## ')[0]
    .split('```')
    .find((text) => text.includes('API='));
  return block.replace(/^API=.*$/m, `API=${url}`);
};

/** Runs the printed commands, then those of the README, in each shell of this machine. */
const checkCommands = async (product, url) => {
  if (spawnSync('curl', ['--version']).status !== 0) return print('skip the printed commands: curl is not installed');
  const printed = product.output.split('\n').filter((line) => /^ {2}(#|curl|TOKEN=)/.test(line));
  for (const [shell, args] of SHELLS) {
    if (spawnSync(shell, ['-c', 'true']).status !== 0) {
      print(`skip the printed commands in ${shell}: it is not installed`);
      continue;
    }
    await check(`the printed commands, and those of the README, work unchanged in ${shell}`, () => {
      assert(printed.length === 4, `${printed.length} lines were printed, not a comment and 3 commands`);
      const input = `${printed.join('\n')}\n${readmeCommands(url)}\nexit\n`;
      const { stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8', input, detached: true, timeout: 60_000 });
      const shown = `${stdout}${stderr}`;
      assert(/"name" *: *"Acme"/.test(stdout), shown);
      assert(/"title" *: *"Write the first page"/.test(stdout), shown);
      assert(/"assigneeId" *: *null/.test(stdout), shown);
      assert(/\/problems\/unauthenticated/.test(stdout), shown);
      assert(!/parse error|syntax error|bad substitution|SyntaxError|bad pattern/i.test(shown), shown);
    });
  }
};

const smoke = async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let product = start(port);
  await check('npm start in an empty folder becomes ready', () => requireReady(product, url));
  await check('a user can sign up over HTTP and read the user and the tenant', async () => {
    const { accessToken: token } = await request('POST', `${url}/v1/signup`, { body: SIGNUP });
    const me = JSON.stringify(await request('GET', `${url}/v1/me`, { token }));
    assert(me.includes(ACCOUNT.email), `GET /v1/me answered ${me}`);
    await requireData(url);
  });
  await check('the printed URL leads to the documentation page', async () => {
    const docs = /Documentation +(\S+)/.exec(product.output)?.[1];
    assert(docs && (await fetch(docs)).ok, `no page at ${docs}`);
  });
  await checkCommands(product, url);
  await check('a second start on the same data is refused with a reason', async () => {
    const second = start(await freePort());
    assert((await second.ended) !== 0, 'it did not fail');
    assert(second.output.includes('DATA_DIR') && second.output.includes(`process ${productPid()}`), second.output);
    await requireData(url);
  });
  await check('SIGTERM ends the product and PostgreSQL with code 0', () => requireCleanStop(product));
  product = start(port);
  await check('the next start becomes ready', () => requireReady(product, url));
  await check('it has the data of the first start', () => requireData(url));
  const orphan = serverPid();
  process.kill(productPid(), 'SIGKILL');
  await product.ended;
  product = start(port);
  await check('a start after kill -9 becomes ready', () => requireReady(product, url));
  await check('it has the data, on a new PostgreSQL process', async () => {
    await requireData(url);
    assert(!isAlive(orphan), 'the PostgreSQL of the killed product is still running');
  });
  await check('SIGTERM ends it with code 0, too', () => requireCleanStop(product));
};

/** Ends all processes that a failed or interrupted run has left. */
const cleanUp = async () => {
  for (const { child } of started) {
    // The process group contains npm and the product.
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
  }
  const server = serverPid();
  if (isAlive(server)) process.kill(server, 'SIGINT');
  for (const end = Date.now() + 15_000; isAlive(server) && Date.now() < end; ) await sleep(50);
  rmSync(home, { recursive: true, force: true });
};

const finish = async () => {
  await cleanUp();
  print(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
};

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    failed += 1;
    print(`FAIL interrupted by ${signal}`);
    void finish();
  });
}
// The error is already printed and counted.
await smoke().catch(() => undefined);
await finish();
