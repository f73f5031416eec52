import { createPool } from '#platform/database/connections/pools';
import { createTestDatabase, TEST_SECRET_KEY, type TestDatabase } from '#testing/database';
import type { Context } from '../bootstrap/context';
import { type OperatorOptions, recordActions, takeOperatorOptions } from './operator-session';
import { addOperator, listOperators, operatorToken, removeOperator } from './operators';
import { UsageError } from './usage';

const optionsOf = (...words: string[]): OperatorOptions => takeOperatorOptions(words);

describe('the options of operators on the command line', () => {
  it.each([
    [['keys', 'rotate', '--now', '--reason', 'a leak', '--as', 'ada'], ['keys', 'rotate', '--now'], 'ada', 'a leak'],
    [['--as=ada', 'keys', '--reason=it = x'], ['keys'], 'ada', 'it = x'],
    [['projections', 'reset', '--all'], ['projections', 'reset', '--all'], undefined, undefined],
  ])('are separated from the other words: %j', (all, words, as, reason) =>
    expect(takeOperatorOptions(all)).toEqual({ words, as, reason }),
  );

  it.each([
    ['--reason needs a value', ['keys', '--reason']],
    ['--as is given twice', ['--as', 'ada', '--as=bob']],
  ])('are refused: %s', (message, words) => expect(() => takeOperatorOptions(words)).toThrow(new UsageError(message)));
});

describe('operators on the command line', () => {
  let database: TestDatabase;
  let context: Context;
  beforeAll(async () => {
    database = await createTestDatabase();
    context = { databaseUrls: database.urls, secretKey: TEST_SECRET_KEY } as unknown as Context;
  });
  afterAll(() => database.drop());

  const facts = async (): Promise<object[]> => {
    const owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    const { rows } = await owner.query('select type, data, access_id from identity.facts order by seq');
    await owner.end();
    return rows;
  };

  it('are added, listed and removed, and get tokens', async () => {
    expect(await listOperators(context)).toContain('there are no operators');
    await expect(addOperator(context, optionsOf('ada'))).rejects.toThrow(/needs --reason/);
    await expect(addOperator(context, optionsOf('a b', '--reason', 'x'))).rejects.toThrow(UsageError);
    expect(await addOperator(context, optionsOf('ada', '--reason', 'first'))).toContain('ada is an operator');
    await expect(addOperator(context, optionsOf('bob', '--reason', 'x', '--as', 'eve'))).rejects.toThrow(
      'there is no operator eve',
    );
    await addOperator(context, optionsOf('bob', '--reason', 'on call', '--as', 'ada'));
    await expect(addOperator(context, optionsOf('BOB', '--reason', 'x', '--as', 'ada'))).rejects.toThrow(/already/);
    expect(await operatorToken(context, optionsOf('--as', 'bob', '--hours', '2'))).toMatch(/^[\w-]+(\.[\w-]+){2}$/);
    await expect(operatorToken(context, optionsOf('--as', 'bob', '--hours', '200'))).rejects.toThrow(/--hours/);
    await removeOperator(context, optionsOf('bob', '--reason', 'left', '--as', 'ada'));
    await expect(operatorToken(context, optionsOf('--as', 'bob'))).rejects.toThrow('there is no operator bob');
    await expect(removeOperator(context, optionsOf('bob', '--reason', 'x', '--as', 'ada'))).rejects.toThrow(UsageError);
    expect(await listOperators(context)).toMatch(/ada +\S+ +\S+ *\n.*bob +\S+ +\S+ +20/s);
  });

  it('are recorded with their reason before a command changes anything', async () => {
    const before = (await facts()).length;
    const record = recordActions(context, optionsOf('keys', 'revoke', 'k', '--as', 'ada', '--reason', ' a leak '));
    const { operator, cause } = await record('keys.revoke', 'k');
    expect(operator.name).toBe('ada');
    expect(cause.correlationId).toMatch(/^cli-[0-9a-f-]{36}$/);
    expect((await facts()).slice(before)).toEqual([
      {
        type: 'OperatorActed',
        data: { action: 'keys.revoke', target: 'k', tenantId: null, reason: 'a leak' },
        access_id: cause.accessId,
      },
    ]);
  });

  it.each([
    ['no reason', ['--as', 'ada']],
    ['an empty reason', ['--as', 'ada', '--reason', '  ']],
    ['a reason of several lines', ['--as', 'ada', '--reason', 'a\nb']],
    ['a reason of more than 500 characters', ['--as', 'ada', '--reason', 'x'.repeat(501)]],
    ['an unknown operator', ['--as', 'nobody', '--reason', 'x']],
    ['a removed operator', ['--as', 'bob', '--reason', 'x']],
  ])('cannot change anything with %s', async (_, words) => {
    const before = await facts();
    const record = recordActions(context, optionsOf(...words));
    await expect((async () => record('keys.revoke', 'k'))()).rejects.toThrow(UsageError);
    expect(await facts()).toEqual(before);
  });
});
