import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../support/free-port';
import { remember } from '../started';

export interface ProductProcess {
  readonly url: string;
  stop(): Promise<void>;
}

const START_MS = 60_000;
const UNLIMITED = '1000000000';

/**
 * Starts the product as a separate process on this database, with its default settings except for rate limits and
 * plans.
 */
export const startProduct = async (databaseUrl: string, env: Record<string, string> = {}): Promise<ProductProcess> => {
  const port = await freePort();
  const child = remember(
    spawn(process.execPath, [join(__dirname, '../children/product.js')], {
      env: {
        PATH: process.env['PATH'],
        PORT: String(port),
        STRIPE_SIM_PORT: '0',
        DATABASE_URL: databaseUrl,
        DATABASE_ROLE_PREFIX: 'tenantry_bench',
        SECRET_KEY: createHash('sha256').update('tenantry bench').digest('base64'),
        ACCESS_TOKEN_TTL_SECONDS: '86400',
        SIGNUP_RATE_PER_HOUR: UNLIMITED,
        SIGNIN_RATE_PER_MINUTE: UNLIMITED,
        API_RATE_PER_MINUTE: UNLIMITED,
        PLANS: 'none',
        NODE_ENV: 'production',
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    }),
  );
  let errorOutput = '';
  child.stderr.on('data', (data) => (errorOutput = (errorOutput + String(data)).slice(-4_000)));
  const ended = once(child, 'close');
  const url = `http://127.0.0.1:${port}`;
  for (const end = Date.now() + START_MS; ; await sleep(20)) {
    if ((await fetch(`${url}/readyz`).catch(() => undefined))?.ok) break;
    if (child.exitCode !== null || Date.now() > end) throw new Error(`the product did not start:\n${errorOutput}`);
  }
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
};

/** Signs up tenants, and returns an access token for the owner of each. */
export const signUp = async (url: string, tenants: number): Promise<string[]> => {
  const signUpOne = async (at: number): Promise<string> => {
    const answer = await fetch(`${url}/v1/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        companyName: `Tenant ${at}`,
        personName: 'Ada Lovelace',
        email: `ada${at}@bench.example`,
        password: 'correct horse battery staple',
      }),
    });
    if (!answer.ok) throw new Error(`a sign-up was answered with ${answer.status}: ${await answer.text()}`);
    return ((await answer.json()) as { accessToken: string }).accessToken;
  };
  const tokens: string[] = [];
  // Only four at the same time, because each of them hashes a password.
  for (let at = 0; at < tenants; at += 4) {
    const size = Math.min(4, tenants - at);
    tokens.push(...(await Promise.all(Array.from({ length: size }, (_, place) => signUpOne(at + place)))));
  }
  return tokens;
};

interface Claims {
  readonly sub: string;
  readonly tid: string;
  readonly role: string;
  readonly sid: string;
}

/** The principal of an access token as JSON, for BENCH_PRINCIPAL. */
export const principalOfToken = (token: string): string => {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims;
  const { sub, tid, role, sid } = claims;
  return JSON.stringify({ userId: sub, tenantId: tid, role, sessionId: sid });
};
