import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { codeOf } from '../error-code';
import { Problem, type Setting } from './kinds';
import { TABLE } from './table';

type Table = typeof TABLE;
type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>;

/** One property for each setting of the table: DATABASE_POOL_SIZE, for example, is `databasePoolSize: number`. */
export type Settings = {
  readonly [Name in keyof Table as CamelCase<Name>]: Table[Name] extends Setting<infer T> ? T : never;
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** Lists every problem at once, each with the setting's name, what is wrong, and an example. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  constructor(readonly problems: readonly string[]) {
    super(['these settings are not valid:', ...problems.map((it) => `  ${it}`)].join('\n'));
  }
}

/**
 * The environment of the process and the values of the file `.env` in `folder`, if it exists. The environment overrides
 * the file.
 * @throws SettingsError the file exists and cannot be read
 */
export const readEnvironment = (folder: string, environment: Environment = process.env): Environment => {
  try {
    return { ...parseEnv(readFileSync(join(folder, '.env'), 'utf8')), ...environment };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return environment;
    throw new SettingsError([
      `.env cannot be read (${error instanceof Error ? error.message : error}); correct or remove the file`,
    ]);
  }
};

/**
 * Parses every setting. An empty value counts as unset.
 * @param hints sentences about misspelled settings, for the error
 * @throws SettingsError with every problem of every setting, and the hints
 */
export const loadSettings = (environment: Environment, hints: readonly string[] = []): Settings => {
  const problems: string[] = [];
  const problem = (name: string, what: string, example: string): void => {
    problems.push(`${name} ${what}. Example: ${name}=${example}`);
  };
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(TABLE) as [string, Setting<unknown>][]) {
    const text = environment[name]?.trim() ?? '';
    values[camelCase(name)] = setting.default;
    if (text === '') continue;
    try {
      values[camelCase(name)] = setting.parse(text);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem(name, error.message, setting.example);
    }
  }
  const settings = values as Settings;
  checkCombinations(settings, problem);
  if (problems.length > 0) throw new SettingsError([...problems, ...hints]);
  return Object.freeze(settings);
};

const checkCombinations = (it: Settings, problem: (name: string, what: string, example: string) => void): void => {
  if (it.secretKey && it.secretKeyFile) {
    problem('SECRET_KEY_FILE', 'and SECRET_KEY are both set; keep one of them', TABLE.SECRET_KEY_FILE.example);
  }
  if (it.nodeEnv === 'production' && it.databaseUrl && !it.secretKey && !it.secretKeyFile) {
    const what = 'is required in production together with DATABASE_URL: every process needs the same key';
    problem('SECRET_KEY', what, TABLE.SECRET_KEY.example);
  }
  if (it.databaseDirectUrl && !it.databaseUrl) {
    const what = 'is required with DATABASE_DIRECT_URL; if there is no pooler, set only DATABASE_URL';
    problem('DATABASE_URL', what, TABLE.DATABASE_URL.example);
  }
  if (it.stripeSecretKey && it.stripeWebhookSecrets.length === 0) {
    const what = 'is required with STRIPE_SECRET_KEY: without it, forged payment events would be accepted';
    problem('STRIPE_WEBHOOK_SECRETS', what, TABLE.STRIPE_WEBHOOK_SECRETS.example);
  }
  if (it.role !== 'all' && !it.databaseUrl) {
    const what = `is required with ROLE=${it.role}: the embedded PostgreSQL serves one process only`;
    problem('DATABASE_URL', what, TABLE.DATABASE_URL.example);
  }
};

const camelCase = (name: string): string =>
  name.toLowerCase().replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The settings by name, safe to log: secrets are shown as "(set)", and URLs without their credentials. */
export const describeSettings = (settings: Settings): Record<string, string> => {
  const values: Record<string, unknown> = settings;
  return Object.fromEntries(
    (Object.entries(TABLE) as [string, Setting<unknown>][]).map(([name, { secret }]) => {
      const value = values[camelCase(name)];
      if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return [name, '(unset)'];
      if (secret === true) return [name, '(set)'];
      return [name, secret === 'url' ? withoutCredentials(String(value)) : String(value)];
    }),
  );
};

const withoutCredentials = (url: string): string =>
  url
    .replace(/\/\/[^/?#]*@/, '//')
    .replace(/([?&](?:user|password|userCertFile|userKeyFile|sslpassword)=)[^&#]*/gi, '$1***');
