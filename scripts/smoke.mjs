// The built product as a newcomer meets it: `npm start` in an empty data folder, the printed commands, a stop, a second
// start, a crash, and two starts at once. Ends with a line `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './build.mjs';

const home = mkdtempSync(join(tmpdir(), 'tenantry-smoke-'));
// As root PostgreSQL runs as another user, who has to get in.
chmodSync(home, 0o755);
const dataDir = join(home, 'data');
const started = [];
let passed = 0;
let failed = 0;

const print = (line) => process.stdout.write(`${line}\n`);

/** One numbered claim. A failure ends the run: what follows builds on it. */
const check = async (claim, work) => {
  const began = performance.now();
  try {
    const result = await work();
    passed += 1;
    print(`ok   ${claim} (${Math.round(performance.now() - began)} ms)`);
    return result;
  } catch (error) {
    failed += 1;
    print(`FAIL ${claim}: ${error.stack ?? error}${error.cause ? `\n  because of ${error.cause}` : ''}`);
    print(`the product has printed:\n${started.at(-1)?.output}`);
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

/** The product's own process, below npm: it wrote its id into its lock. */
const productPid = () => JSON.parse(readFileSync(join(dataDir, 'tenantry.lock'), 'utf8')).pid;

const serverPid = () => {
  const file = join(dataDir, 'postgres/postmaster.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
};

const isAlive = (pid) => {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    // A dead process that nobody has asked for yet is dead.
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

const ready = async (product, url) => {
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

const finds = async (url) => {
  const { accessToken } = await request('POST', `${url}/v1/sessions`, { body: ACCOUNT });
  const { name } = await request('GET', `${url}/v1/tenant`, { token: accessToken });
  assert(name === 'Smoke', `the tenant is named ${name}`);
};

const stops = async (product) => {
  const server = serverPid();
  assert(isAlive(server), 'PostgreSQL does not run');
  product.child.kill('SIGTERM');
  assert((await product.ended) === 0, `ended with code ${product.child.exitCode}:\n${product.output}`);
  assert(!isAlive(server), 'PostgreSQL is still there');
};

const smoke = async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let product = start(port);
  await check('npm start answers /readyz from an empty folder', () => ready(product, url));
  await check('sign up over HTTP, read back who and what', async () => {
    const { accessToken: token } = await request('POST', `${url}/v1/signup`, { body: SIGNUP });
    const me = JSON.stringify(await request('GET', `${url}/v1/me`, { token }));
    assert(me.includes(ACCOUNT.email), `GET /v1/me answered ${me}`);
    await finds(url);
  });
  await check('the documentation page is where the last lines say', async () => {
    const docs = /Documentation +(\S+)/.exec(product.output)?.[1];
    assert(docs && (await fetch(docs)).ok, `nothing at ${docs}`);
  });
  if (spawnSync('curl', ['--version']).status === 0) {
    await check('the printed commands work as they stand', () => {
      const commands = product.output.split('\n').filter((line) => /^ {2}(curl|TOKEN=)/.test(line));
      assert(commands.length === 3, `${commands.length} commands are printed`);
      const { stdout, stderr } = spawnSync('bash', ['-ec', commands.join('\n')], { encoding: 'utf8' });
      assert(
        stdout.trim().endsWith('}') && /"name" *: *"Acme"/.test(stdout.split('\n').at(-1) || stdout),
        `${stdout}${stderr}`,
      );
    });
  }
  await check('a second start on the same data is refused and says why', async () => {
    const second = start(await freePort());
    assert((await second.ended) !== 0, 'it did not fail');
    assert(second.output.includes('DATA_DIR') && second.output.includes(`process ${productPid()}`), second.output);
    await finds(url);
  });
  await check('SIGTERM ends everything with code 0', () => stops(product));
  product = start(port);
  await check('the next start is ready', () => ready(product, url));
  await check('it finds its data', () => finds(url));
  const orphan = serverPid();
  process.kill(productPid(), 'SIGKILL');
  await product.ended;
  product = start(port);
  await check('a start after kill -9 is ready by itself', () => ready(product, url));
  await check('it finds its data, on a PostgreSQL of its own', async () => {
    await finds(url);
    assert(!isAlive(orphan), 'the orphan is still there');
  });
  await check('it ends in order, too', () => stops(product));
};

/** Ends whatever a run that failed or was cut short has left. */
const cleanUp = async () => {
  for (const { child } of started) {
    // Its group: npm and the product.
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
    print(`FAIL cut short by ${signal}`);
    void finish();
  });
}
// Failures are printed and counted where they happen.
await smoke().catch(() => undefined);
await finish();
