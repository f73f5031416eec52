import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderEnvExample } from './env-example';
import type { Setting } from './kinds';
import { resolveSecretKey } from './secret-key';
import { describeSettings, type Environment, loadSettings, readEnvironment, SettingsError } from './settings';
import { TABLE } from './table';

const KEY = Buffer.alloc(32, 7).toString('base64');

const problemsOf = (environment: Environment): readonly string[] => {
  try {
    loadSettings(environment);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
};

describe('loadSettings', () => {
  it('requires no setting, and treats an empty value as unset', () => {
    const settings = loadSettings({ PORT: '', DATABASE_URL: ' ' });
    expect(settings).toMatchObject({ role: 'all', host: '127.0.0.1', port: 3000, dataDir: '.data', trustProxy: false });
    expect(settings.databaseUrl).toBeUndefined();
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('reads each kind of value', () => {
    const settings = loadSettings({
      PORT: '0',
      METRICS: 'off',
      TRUST_PROXY: '10.0.0.0/8, ::1,loopback',
      CORS_ORIGINS: 'https://a.example, http://localhost:5173',
      PUBLIC_URL: 'https://api.example.com/',
      EVENTSTORE_URL: 'esdb://a:2113,b:2113?tls=true',
      SECRET_KEY: KEY,
    });
    expect(settings).toMatchObject({
      port: 0,
      metrics: false,
      trustProxy: ['10.0.0.0/8', '::1', 'loopback'],
      corsOrigins: ['https://a.example', 'http://localhost:5173'],
      publicUrl: 'https://api.example.com',
      eventstoreUrl: 'esdb://a:2113,b:2113?tls=true',
      secretKey: Buffer.alloc(32, 7),
    });
    expect(loadSettings({ TRUST_PROXY: '2' }).trustProxy).toBe(2);
  });

  it.each([
    ['ROLE', 'both'],
    ['PORT', '3000a'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '1e3'],
    ['HOST', 'a b'],
    ['METRICS', 'maybe'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://a.example/path'],
    ['PUBLIC_URL', 'api.example.com'],
    ['DATABASE_URL', 'mysql://db/x'],
    ['DATABASE_ROLE_PREFIX', 'x"; drop'],
    ['REDIS_URL', 'localhost:6379'],
    ['EVENTSTORE_URL', 'http://localhost:2113'],
    ['SECRET_KEY', 'short'],
  ])('refuses %s=%s with its name, what is wrong and an example', (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} must be .+\\. Example: ${name}=.*$`));
  });

  it('lists all problems at once', () => {
    expect(problemsOf({ PORT: 'x', ROLE: 'y', LOG_LEVEL: 'z' })).toHaveLength(3);
  });

  it('never repeats a value that may hold a secret', () => {
    const text = problemsOf({ SECRET_KEY: 'hidden', DATABASE_URL: 'x://u:hidden@h', REDIS_URL: 'hidden' }).join();
    expect(text).not.toContain('hidden');
  });

  it('requires the secret key in production with DATABASE_URL, where several processes share the key', () => {
    const production = { NODE_ENV: 'production', DATABASE_URL: 'postgres://u:p@h/d' };
    expect(problemsOf(production)[0]).toMatch(/^SECRET_KEY is required in production/);
    expect(problemsOf({ ...production, SECRET_KEY: KEY })).toEqual([]);
    expect(problemsOf({ ...production, SECRET_KEY_FILE: '/run/key' })).toEqual([]);
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([]);
  });

  it('requires DATABASE_URL where the process runs only the API or only the worker', () => {
    expect(problemsOf({ ROLE: 'worker' })[0]).toMatch(/^DATABASE_URL is required with ROLE=worker/);
  });
});

describe('describeSettings', () => {
  it('shows no secret and no credentials', () => {
    const shown = describeSettings(
      loadSettings({
        SECRET_KEY: KEY,
        DATABASE_URL: 'postgres://owner:hid%40den@h:1/d?password=hidden',
        REDIS_URL: 'redis://:hidden@r',
      }),
    );
    expect(shown).toMatchObject({
      SECRET_KEY: '(set)',
      DATABASE_URL: 'postgres://h:1/d?password=***',
      REDIS_URL: 'redis://r',
    });
    expect(Object.keys(shown)).toEqual(Object.keys(TABLE));
  });
});

describe('the table', () => {
  it.each(Object.entries(TABLE) as [string, Setting<unknown>][])('has a valid example for %s', (_, it) => {
    expect(it.example).not.toBe('');
    expect(() => it.parse(it.example)).not.toThrow();
    if (it.defaultText !== '') expect(it.parse(it.defaultText)).toEqual(it.default);
  });
});

describe('.env.example', () => {
  const file = join(__dirname, '../../../.env.example');

  it('equals what the table renders (UPDATE_ENV_EXAMPLE=1 writes the file)', async () => {
    if (process.env['UPDATE_ENV_EXAMPLE']) await writeFile(file, renderEnvExample());
    expect(await readFile(file, 'utf8')).toBe(renderEnvExample());
  });
});

describe('files', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tenantry-config-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('adds the values of .env to the environment, which overrides them', async () => {
    expect(readEnvironment(dir, { PORT: '1' })).toEqual({ PORT: '1' });
    await writeFile(join(dir, '.env'), '# comment\nPORT=2\nLOG_LEVEL="debug"\n');
    expect(readEnvironment(dir, { PORT: '1' })).toEqual({ PORT: '1', LOG_LEVEL: 'debug' });
  });

  it('generates one secret key that only its owner can read, also when several processes start first', async () => {
    const settings = loadSettings({});
    const keys = await Promise.all([resolveSecretKey(settings, dir), resolveSecretKey(settings, dir)]);
    expect(keys[0]).toHaveLength(32);
    expect(keys[1]).toEqual(keys[0]);
    expect(await resolveSecretKey(settings, dir)).toEqual(keys[0]);
    expect((await stat(join(dir, 'secret.key'))).mode & 0o777).toBe(0o600);
  });

  it('reads the key from SECRET_KEY_FILE, and names that setting where the file does not hold a key', async () => {
    const file = join(dir, 'key');
    const settings = loadSettings({ SECRET_KEY_FILE: file });
    await expect(resolveSecretKey(settings, dir)).rejects.toThrow(/SECRET_KEY_FILE .*does not hold a key/);
    await writeFile(file, `${KEY}\n`);
    expect(await resolveSecretKey(settings, dir)).toEqual(Buffer.alloc(32, 7));
  });
});
