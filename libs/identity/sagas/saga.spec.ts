import { contextOfStep, runSaga, type Saga, type SagaClaim, sweepSaga } from './saga';

/** Ends a run as a crash would: no later step happens. */
class Killed extends Error {}

/** Before and after each step. */
const POINTS = [
  ...['after claim', 'before first', 'after first', 'before last', 'after last'],
  ...['before complete', 'after complete'],
];
type Kill = (point: string) => void;
const never: Kill = () => {};
const killAt =
  (killPoint: string): Kill =>
  (point) => {
    if (point === killPoint) throw new Killed(point);
  };

const claimOf = (userId: string): SagaClaim => ({
  userId,
  commandId: '0198b7f0-0000-7000-8000-000000000000',
  correlationId: 'test',
  accessId: null,
});

interface Row {
  readonly claim: SagaClaim;
  completions: number;
}

describe('a saga', () => {
  const rows = new Map<string, Row>();
  const facts: string[] = [];
  const purges: number[] = [];
  /** Users whose first fact is refused. */
  const refused = new Set<string>();

  beforeEach(() => {
    rows.clear();
    refused.clear();
    facts.length = 0;
    purges.length = 0;
  });

  /** Repeats are recognised by the command id, as the log does it. @returns the position */
  const append = (claim: SagaClaim, step: string): number => {
    const fact = `${claim.userId} ${step} ${contextOfStep(claim, step).commandId}`;
    return facts.includes(fact) ? facts.indexOf(fact) : facts.push(fact) - 1;
  };
  const steps = () => facts.map((fact) => fact.split(' ').slice(0, 2).join(' '));

  const saga = (kill: Kill = never): Saga<SagaClaim, number, string> => ({
    plural: 'tests',
    failpoints: ['test.claimed', 'test.first', 'test.last', 'test.completed'],
    store: {
      complete: async (userId) => {
        kill('before complete');
        const row = rows.get(userId);
        if (row) row.completions += 1;
        kill('after complete');
        return `result of ${userId}`;
      },
      release: async (userId) => {
        rows.delete(userId);
      },
      takeUnfinished: async () =>
        [...rows.values()].filter(({ completions }) => completions === 0).map(({ claim }) => claim),
      purge: async (olderHours) => {
        purges.push(olderHours);
      },
    },
    appendFirst: async (claim) => {
      kill('before first');
      if (refused.has(claim.userId)) return new RangeError('refused');
      append(claim, 'first');
      kill('after first');
      return undefined;
    },
    appendLast: async (claim) => {
      kill('before last');
      const position = append(claim, 'last');
      kill('after last');
      return position;
    },
  });

  const claim =
    (userId: string, kill: Kill = never) =>
    async () => {
      const row = rows.get(userId) ?? { claim: claimOf(userId), completions: 0 };
      rows.set(userId, row);
      kill('after claim');
      return row.claim;
    };
  const run = (kill?: Kill, userId = 'ada') => runSaga(saga(kill), claim(userId, kill));

  it('claims, appends both facts, completes, and returns the last position and the result', async () => {
    expect(await run()).toEqual({ claim: claimOf('ada'), position: 1, completion: 'result of ada' });
    expect(steps()).toEqual(['ada first', 'ada last']);
    expect(rows.get('ada')?.completions).toBe(1);
    expect(await sweepSaga(saga())).toEqual({ completed: 0, released: 0 });
  });

  it('does nothing if the claim is impossible', async () => {
    expect(await runSaga(saga(), async () => undefined)).toBeUndefined();
    expect(facts).toEqual([]);
  });

  it.each(POINTS)('that is killed %s is completed once by the sweeper, with each fact once', async (point) => {
    await expect(run(killAt(point))).rejects.toBeInstanceOf(Killed);
    const completed = point === 'after complete' ? 0 : 1;
    expect(await sweepSaga(saga())).toEqual({ completed, released: 0 });
    expect(await sweepSaga(saga())).toEqual({ completed: 0, released: 0 });
    expect(steps()).toEqual(['ada first', 'ada last']);
    expect(rows.get('ada')?.completions).toBe(1);
  });

  it.each(POINTS)('that is killed %s is completed by the same request, with each fact once', async (point) => {
    await expect(run(killAt(point))).rejects.toBeInstanceOf(Killed);
    expect(await run()).toMatchObject({ position: 1, completion: 'result of ada' });
    expect(steps()).toEqual(['ada first', 'ada last']);
  });

  it('whose first fact is refused releases its claim and throws the refusal', async () => {
    refused.add('ada');
    await expect(run()).rejects.toThrow(new RangeError('refused'));
    expect(facts).toEqual([]);
    expect(rows.has('ada')).toBe(false);
  });

  it('that the sweeper finds refused is released, and is no failure', async () => {
    await expect(run(killAt('before first'))).rejects.toBeInstanceOf(Killed);
    refused.add('ada');
    expect(await sweepSaga(saga())).toEqual({ completed: 0, released: 1 });
    expect(rows.has('ada')).toBe(false);
  });

  it('whose refusal cannot be released fails with the error of the release', async () => {
    refused.add('ada');
    const release = async () => Promise.reject(new Error('no connection'));
    const failing = { ...saga(), store: { ...saga().store, release } };
    await expect(runSaga(failing, claim('ada'))).rejects.toThrow('no connection');
    await expect(sweepSaga(failing)).rejects.toMatchObject({ errors: [new Error('no connection')] });
  });

  it('that fails does not prevent the completion of others, nor the purge', async () => {
    for (const userId of ['ada', 'bob', 'eve']) await run(killAt('after claim'), userId).catch(() => {});
    const real = saga();
    const failing: typeof real = {
      ...real,
      appendLast: async (one) => {
        if (one.userId !== 'bob') throw new Error(`no log for ${one.userId}`);
        return real.appendLast(one);
      },
    };
    await expect(sweepSaga(failing)).rejects.toMatchObject({
      message: '2 tests could not be completed',
      errors: [new Error('no log for ada'), new Error('no log for eve')],
    });
    expect(rows.get('bob')?.completions).toBe(1);
    expect(purges).toEqual([48]);
    expect(await sweepSaga(saga())).toEqual({ completed: 2, released: 0 });
  });

  it('is taken by a sweeper after 15 seconds without an attempt, at most 50 at a time', async () => {
    const taken: unknown[] = [];
    const real = saga();
    const takeUnfinished = async (...bounds: number[]) => {
      taken.push(bounds);
      return [];
    };
    const watched = { ...real, store: { ...real.store, takeUnfinished } };
    await sweepSaga(watched);
    await sweepSaga(watched, 0);
    expect(taken).toEqual([
      [15, 50],
      [0, 50],
    ]);
  });
});
