import { DatabaseError } from 'pg';
import { createDatabaseWait } from './database-wait';

const logged: string[] = [];
const logger = { warn: (line: string) => logged.push(line) } as unknown as Parameters<
  typeof createDatabaseWait
>[0]['logger'];
const waitFor = (timeoutMs: number) =>
  createDatabaseWait({
    url: 'postgres://u:hidden@db:5432/x',
    setting: 'DATABASE_URL',
    connections: 37,
    logger,
    timeoutMs,
  });
const refused = (code: string): DatabaseError =>
  Object.assign(new DatabaseError(`refused by ${code}`, 1, 'error'), { code });

describe('a start that waits for the database', () => {
  it.each(['57P03', '57P01', '53300', '25006', '08006'])('continues after %s', async (code) => {
    let failures = 1;
    const work = async (): Promise<string> => {
      if (failures-- > 0) throw refused(code);
      return 'done';
    };
    expect(await waitFor(60_000)(work)).toBe('done');
    expect(logged.at(-1)).toBe(`waiting for PostgreSQL at db:5432 (${code})`);
  });

  it.each([
    ['53300', /no free connection .*opens up to 37: raise max_connections/],
    ['25006', /read-only .*DATABASE_URL must point to the primary/],
    ['57P03', /DATABASE_URL points to db:5432, which refuses the connection: refused by 57P03/],
    ['28P01', /which refuses the connection: refused by 28P01/],
  ])('ends with a sentence after %s', async (code, sentence) => {
    const waiting = waitFor(-1)(() => Promise.reject(refused(code)));
    await expect(waiting).rejects.toMatchObject({ name: 'CannotStart', message: expect.stringMatching(sentence) });
    await expect(waiting).rejects.not.toThrow(/hidden/);
  });

  it('fails at once if the first connection is cut, but waits for a restart if a later one is cut', async () => {
    const hungUp = new Error('Connection terminated unexpectedly');
    const wait = waitFor(60_000);
    await expect(wait(() => Promise.reject(hungUp))).rejects.toThrow(/no PostgreSQL answers/);
    await wait(async () => undefined);
    let failures = 1;
    await wait(async () => {
      if (failures-- > 0) throw hungUp;
    });
  });

  it('throws other errors of the work unchanged', async () => {
    const fault = new TypeError('a fault in the code');
    await expect(waitFor(60_000)(() => Promise.reject(fault))).rejects.toBe(fault);
  });
});
