import { createEmptyDatabase } from '#testing/database';
import { inChildren, startChild } from '../children';
import type { BareInput } from '../children/bare-app';
import type { CannonInput, Shot } from '../children/cannon';
import type { Bench, Group, Measured } from '../group';
import { inRounds } from '../load';
import { principalOfToken, signUp, startProduct } from '../peers/product-process';
import { median, ratios, shown } from '../statistics';

const CONNECTIONS = 64;
/** The fastest number for the bare application, of 10, 20, 32 and 64. */
const BARE_CONNECTIONS = 32;

const shoot = async (input: CannonInput): Promise<Shot> => {
  const [shot] = await inChildren<CannonInput, Shot>('cannon', [input]);
  if (!shot) throw new Error('the load process returned no result');
  return shot;
};

const rates = (shots: readonly Shot[]): number[] => shots.map(({ perSecond }) => perSecond);
const p99s = (shots: readonly Shot[]): number[] => shots.map(({ p99 }) => p99);
const noTokens = Array.from({ length: CONNECTIONS }, () => '');

/** The same route of the same application, with and without authentication. */
export const httpAuth: Group = {
  ids: ['http.auth'],
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const databases = [await createEmptyDatabase(), await createEmptyDatabase()] as const;
    const guarded = await startProduct(databases[0].url);
    const tokens = await signUp(guarded.url, CONNECTIONS);
    const preparing = await startProduct(databases[1].url);
    const [owner = ''] = await signUp(preparing.url, 1);
    await preparing.stop();
    const open = await startProduct(databases[1].url, { BENCH_PRINCIPAL: principalOfToken(owner) });
    const get = { method: 'GET', path: '/v1/tenant', naming: false, pace } as const;
    const { authenticated, anonymous } = await inRounds(pace.rounds, {
      authenticated: () => shoot({ ...get, url: guarded.url, tokens }),
      anonymous: () => shoot({ ...get, url: open.url, tokens: noTokens }),
    });
    await Promise.all([guarded.stop(), open.stop()]);
    for (const database of databases) await database.drop();
    const detail = `${shown(median(rates(authenticated)))} requests/s to ${shown(median(rates(anonymous)))} without authentication`;
    return [{ id: 'http.auth', samples: ratios(rates(authenticated), rates(anonymous)), detail }];
  },
};

/**
 * A command that renames a tenant (decided, appended, projected, answered), compared with one insert of a bare
 * application.
 */
export const httpCommand: Group = {
  ids: ['http.command', 'http.command.p99'],
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const databases = [await createEmptyDatabase(), await createEmptyDatabase()] as const;
    const product = await startProduct(databases[0].url);
    const tokens = await signUp(product.url, CONNECTIONS);
    const bare = await startChild<BareInput, string>('bare-app', {
      url: databases[1].url,
      connections: BARE_CONNECTIONS,
    });
    const results = await inRounds(pace.rounds, {
      product: () => shoot({ url: product.url, method: 'PATCH', path: '/v1/tenant', tokens, naming: true, pace }),
      bare: () => shoot({ url: bare.result, method: 'POST', path: '/bare', tokens: noTokens, naming: true, pace }),
    });
    bare.stop();
    await product.stop();
    for (const database of databases) await database.drop();
    const [ours, theirs] = [rates(results.product), rates(results.bare)];
    const [ourP99, theirP99] = [p99s(results.product), p99s(results.bare)];
    return [
      {
        id: 'http.command',
        samples: ratios(ours, theirs),
        detail: `${shown(median(ours))} commands/s to ${shown(median(theirs))} inserts/s of the bare application`,
      },
      {
        id: 'http.command.p99',
        samples: ratios(ourP99, theirP99),
        detail: `${shown(median(ourP99))} ms to ${shown(median(theirP99))} ms`,
      },
    ];
  },
};
