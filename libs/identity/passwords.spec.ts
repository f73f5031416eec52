import { Problem } from '#platform/problems';
import { type Argon2, createPasswords, MAX_PASSWORD } from './passwords';

/** Work that is finished when the spec calls `finish`. */
const slowWork = () => {
  const begun: { stored?: string; password: string; finish: () => void }[] = [];
  const begin = <T>(input: { stored?: string; password: string }, result: T): Promise<T> =>
    new Promise((resolve) => begun.push({ ...input, finish: () => resolve(result) }));
  const work: Argon2 = {
    hash: (password) => begin({ password }, 'hash'),
    verify: (stored, password) => begin({ stored, password }, true),
  };
  return { begun, work };
};

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('passwords', () => {
  it('are hashed with argon2id at m=19456, t=2, p=1, each with its own salt', async () => {
    const passwords = createPasswords({ concurrency: 2 });
    const [one, two] = await Promise.all([passwords.hash('correct horse'), passwords.hash('correct horse')]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,(t=2,p=1|p=1,t=2)\$/);
    expect(one).not.toBe(two);
    expect(await passwords.verify(one, 'correct horse')).toBe(true);
    expect(await passwords.verify(one, 'Correct horse')).toBe(false);
  });

  it('are the same in composed and in decomposed letters', async () => {
    const passwords = createPasswords({ concurrency: 1 });
    const hash = await passwords.hash('cafe\u0301 cafe\u0301');
    expect(await passwords.verify(hash, 'caf\u00e9 caf\u00e9')).toBe(true);
  });

  it('of the greatest length are compared to the last character', async () => {
    const passwords = createPasswords({ concurrency: 1 });
    const longest = '\u{1f511}'.repeat(MAX_PASSWORD);
    expect(Buffer.byteLength(longest)).toBe(1_024);
    expect(await passwords.verify(await passwords.hash(longest), `${longest.slice(0, -2)}x`)).toBe(false);
  });

  it('are verified with the same work and parameters if no user exists, and never match', async () => {
    const stored: string[] = [];
    const verify = async (hash: string): Promise<boolean> => {
      stored.push(hash);
      return true;
    };
    const passwords = createPasswords({ concurrency: 1 }, { hash: async () => '', verify });
    expect(await passwords.verify(undefined, 'any password')).toBe(false);
    expect(stored).toEqual([
      expect.stringMatching(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/),
    ]);
    // The real argon2 accepts it as a hash.
    expect(await createPasswords({ concurrency: 1 }).verify(undefined, 'any password')).toBe(false);
  });

  it('are hashed a few at a time, in the order of the calls', async () => {
    const { begun, work } = slowWork();
    const passwords = createPasswords({ concurrency: 2 }, work);
    const all = ['a', 'b', 'c', 'd'].map((it) => passwords.hash(it));
    await settled();
    expect(begun.map(({ password }) => password)).toEqual(['a', 'b']);
    begun[1]?.finish();
    await settled();
    expect(begun.map(({ password }) => password)).toEqual(['a', 'b', 'c']);
    for (const at of [0, 2]) begun[at]?.finish();
    await settled();
    begun[3]?.finish();
    await Promise.all(all);
  });

  it('are refused with a time to try again if too many wait', async () => {
    const { begun, work } = slowWork();
    const passwords = createPasswords({ concurrency: 1, maxWaiting: 1 }, work);
    const running = passwords.hash('runs');
    const waiting = passwords.verify(undefined, 'waits');
    const refused = await passwords.hash('is refused').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Problem);
    expect(refused).toMatchObject({ status: 503, problem: 'dependency-unavailable', details: { retryAfter: 2 } });
    begun[0]?.finish();
    await settled();
    begun[1]?.finish();
    expect([await running, await waiting]).toEqual(['hash', false]);
  });

  it('that could not be hashed leave their place to others', async () => {
    let fails = true;
    const work: Argon2 = {
      hash: async () => {
        if (fails) throw new Error('out of memory');
        return 'hash';
      },
      verify: async () => true,
    };
    const passwords = createPasswords({ concurrency: 1, maxWaiting: 0 }, work);
    await expect(passwords.hash('one')).rejects.toThrow('out of memory');
    fails = false;
    expect(await passwords.hash('two')).toBe('hash');
  });
});
