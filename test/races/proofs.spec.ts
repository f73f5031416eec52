import { logHoldsMark } from '#event-log/mark';
import type { Append, AppendResult, EventLog } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { type AppendsWorld, checkConcurrentAppends, openAppends } from './appends';
import { checkLiveWorkers, checkWorkerSteps } from './checkpoint';
import { writesOfOvertakenCustomer, writesOfOvertakenReaction } from './leases';
import { writeOfLostEvents } from './lost-events';
import { type NotesWorld, openNotes } from './notes';
import { countMissedWrites } from './read-your-writes';
import { overtakenRebuild, requestOfNewerRelease } from './rebuild';
import { readDuringSlowCommits } from './slow-commits';

jest.setTimeout(600_000);

/** Enough runs to find a bug that occurs often. A check that does not find it by then would be useless. */
const RUNS = 300;

describe('the check of checkpoints finds', () => {
  let world: NotesWorld;
  beforeAll(async () => {
    world = await openNotes();
  });
  afterAll(() => world.close());

  const GUARD = `and position = $2 and epoch = $3 and state = 'running' for update skip locked`;
  const withoutGuard = (sql: string): string => sql.replace(GUARD, 'and $2::numeric >= 0 and $3::integer >= 0');
  const withoutEpoch = (sql: string): string => sql.replace('and epoch = $3', 'and $3::integer >= 0');

  it('a checkpoint that is moved without its guard', async () => {
    expect(await checkWorkerSteps(world, RUNS, withoutGuard)).toMatch(/^Property failed/);
    expect(await checkLiveWorkers(world, RUNS, withoutGuard)).toMatch(/^Property failed/);
  });

  it('a checkpoint that ignores changes by an operator or a rebuild', async () => {
    expect(await checkWorkerSteps(world, RUNS, withoutEpoch)).toMatch(/^Property failed/);
  });

  it('rows that are written without moving the checkpoint', async () => {
    const withoutMove = (sql: string): string =>
      sql.replace('set position = $4,', 'set position = least($2, $4::numeric),');
    expect(await checkWorkerSteps(world, RUNS, withoutMove)).toMatch(/^Property failed/);
  });

  it('a mark that is accepted although the log no longer has its event', async () => {
    const withoutMarkCheck = (sql: string): string => sql.replace(logHoldsMark('$5'), '($5::text is null or true)');
    expect(await writeOfLostEvents(world)).toBeUndefined();
    expect(await writeOfLostEvents(world, withoutMarkCheck)).toMatch(/lost/);
  });

  it('a waiter that answers too early', async () => {
    const tooEarly = { waitFor: async () => true };
    expect(await countMissedWrites(world, 50, 'this process', () => tooEarly)).toBeGreaterThan(0);
  });
});

describe('the check of rebuilds finds', () => {
  it('a missing check of the fencing token: an overtaken worker continues', async () => {
    const withoutToken = (sql: string): string => sql.replace('and attempt = $2', 'and $2::integer > 0');
    expect(await overtakenRebuild(withoutToken)).toMatch(/^the overtaken attempt ended as done/);
  });

  it('a missing check of the version: an older worker does the rebuild', async () => {
    const withoutVersion = (sql: string): string => sql.replace('and version = $2', 'and $2::integer > 0');
    expect(await requestOfNewerRelease(withoutVersion)).toMatch(/^the request for version 2 is done/);
  });
});

describe('the check of leases finds', () => {
  it('a missing check of the token: an overtaken worker continues with a reaction', async () => {
    const withoutToken = (sql: string): string =>
      sql.replace('where reaction = $1 and holder = $2', 'where reaction = $1 and $2::uuid is not null');
    expect(await writesOfOvertakenReaction(withoutToken)).toEqual(['move', 'park', 'setAside', 'forget']);
  });

  it('a missing check of the token: an overtaken worker continues with a customer of Stripe', async () => {
    const withoutToken = (sql: string): string => sql.replace('and lease = $4', 'and $4::uuid is not null');
    expect(await writesOfOvertakenCustomer(withoutToken)).toEqual(['renew', 'forget']);
  });
});

describe('the check of appends finds', () => {
  let world: AppendsWorld;
  beforeAll(async () => {
    world = await openAppends();
  });
  afterAll(() => world.close());

  const seen = new Set<string>();
  let last: AppendResult | undefined;

  it.each<[string, (log: EventLog) => Pick<EventLog, 'append'>]>([
    [
      'a repeated command that is appended again',
      (log) => ({
        append: (append: Append) => {
          const isRepeat = seen.has(append.commandId);
          seen.add(append.commandId);
          return log.append(isRepeat ? { ...append, expected: 'any', commandId: uuidv7() } : append);
        },
      }),
    ],
    [
      'a caller that receives the answer of another',
      (log) => ({
        append: async (append: Append) => {
          const own = await log.append(append);
          const other = last ?? own;
          last = own;
          return other;
        },
      }),
    ],
    [
      'an expected version that is ignored',
      (log) => ({ append: (append: Append) => log.append({ ...append, expected: 'any' }) }),
    ],
    [
      'an answer that is sent before the append',
      (log) => ({
        append: async (append: Append) => {
          log.append(append).catch(() => undefined);
          return { version: append.events.length, position: 1n, repeated: false };
        },
      }),
    ],
  ])('%s', async (_, bug) => {
    expect(await checkConcurrentAppends(world, RUNS, bug)).toMatch(/^Property failed/);
  });
});

describe('the check of readers finds', () => {
  it('a page that skips events which are still being committed', async () => {
    const { committed, paged } = await readDuringSlowCommits(25, (log) => ({
      subscribe: (options) => log.subscribe(options),
      readAll: async (options) => {
        const page = await log.readAll(options);
        return page.caughtUp ? { ...page, position: page.position + 1n } : page;
      },
    }));
    expect(paged).not.toEqual(committed);
  });

  it('a page that begins with the last event of the previous page', async () => {
    const { committed, paged } = await readDuringSlowCommits(5, (log) => ({
      subscribe: (options) => log.subscribe(options),
      readAll: (options) => log.readAll({ ...options, after: options.after - 1n }),
    }));
    expect(paged).not.toEqual(committed);
  });
});
