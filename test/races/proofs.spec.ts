import { heldByLog } from '#event-log/mark';
import type { Append, AppendResult, EventLog } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { type AppendsWorld, appendsOfMany, openAppends } from './appends';
import { writeOfLostEvents } from './believed-mark';
import { liveWorkers, stepsOfWorkers } from './checkpoint';
import { writesOfOvertakenCustomer, writesOfOvertakenReaction } from './leases';
import { type NotesWorld, openNotes } from './notes';
import { missedOwnWrites } from './read-your-writes';
import { overtakenRebuild, requestOfNewerRelease } from './rebuild';
import { readWhileOthersDawdle } from './slow-commits';

jest.setTimeout(120_000);

/** Enough to meet a bug that is met often; a check that is not met by then would not be one. */
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
    expect(await stepsOfWorkers(world, RUNS, withoutGuard)).toMatch(/^Property failed/);
    expect(await liveWorkers(world, RUNS, withoutGuard)).toMatch(/^Property failed/);
  });

  it('a checkpoint that does not notice what an operator or a rebuild did', async () => {
    expect(await stepsOfWorkers(world, RUNS, withoutEpoch)).toMatch(/^Property failed/);
  });

  it('rows that are written and a checkpoint that is not', async () => {
    const forgetful = (sql: string): string =>
      sql.replace('set position = $4,', 'set position = least($2, $4::numeric),');
    expect(await stepsOfWorkers(world, RUNS, forgetful)).toMatch(/^Property failed/);
  });

  it('a mark that is believed, although the log no longer has its event', async () => {
    const believing = (sql: string): string => sql.replace(heldByLog('$5'), '($5::text is null or true)');
    expect(await writeOfLostEvents(world)).toBeUndefined();
    expect(await writeOfLostEvents(world, believing)).toMatch(/lost/);
  });

  it('a waiter that answers too early', async () => {
    const hasty = { waitFor: async () => true };
    expect(await missedOwnWrites(world, 50, 'here', () => hasty)).toBeGreaterThan(0);
  });
});

describe('the check of rebuilds finds', () => {
  it('no fencing token: an overtaken worker continues', async () => {
    const withoutToken = (sql: string): string => sql.replace('and attempt = $2', 'and $2::integer > 0');
    expect(await overtakenRebuild(withoutToken)).toMatch(/^the overtaken attempt ended as done/);
  });

  it('a request without version: an older worker serves it', async () => {
    const withoutVersion = (sql: string): string => sql.replace('and version = $2', 'and $2::integer > 0');
    expect(await requestOfNewerRelease(withoutVersion)).toMatch(/^the request for version 2 is done/);
  });
});

describe('the check of leases finds', () => {
  it('no token: an overtaken worker continues with a reaction', async () => {
    const withoutToken = (sql: string): string =>
      sql.replace('where reaction = $1 and holder = $2', 'where reaction = $1 and $2::uuid is not null');
    expect(await writesOfOvertakenReaction(withoutToken)).toEqual(['move', 'park', 'setAside', 'forget']);
  });

  it('no token: an overtaken worker continues with a customer of Stripe', async () => {
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
          const again = seen.has(append.commandId);
          seen.add(append.commandId);
          return log.append(again ? { ...append, expected: 'any', commandId: uuidv7() } : append);
        },
      }),
    ],
    [
      'a caller that is given the answer of another',
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
      'an expected version that is not looked at',
      (log) => ({ append: (append: Append) => log.append({ ...append, expected: 'any' }) }),
    ],
    [
      'an answer that is given before the append',
      (log) => ({
        append: async (append: Append) => {
          log.append(append).catch(() => undefined);
          return { version: append.events.length, position: 1n, repeated: false };
        },
      }),
    ],
  ])('%s', async (_, bug) => {
    expect(await appendsOfMany(world, RUNS, bug)).toMatch(/^Property failed/);
  });
});

describe('the check of readers finds', () => {
  it('a page that passes what is still being committed', async () => {
    const { committed, asked } = await readWhileOthersDawdle(25, (log) => ({
      subscribe: (options) => log.subscribe(options),
      readAll: async (options) => {
        const page = await log.readAll(options);
        return page.caughtUp ? { ...page, position: page.position + 1n } : page;
      },
    }));
    expect(asked).not.toEqual(committed);
  });

  it('a page that begins with the last event of the one before', async () => {
    const { committed, asked } = await readWhileOthersDawdle(5, (log) => ({
      subscribe: (options) => log.subscribe(options),
      readAll: (options) => log.readAll({ ...options, after: options.after - 1n }),
    }));
    expect(asked).not.toEqual(committed);
  });
});
