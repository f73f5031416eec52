import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { commandHandlers } from './handlers';

const DOMAIN = join(__dirname, '../domain');

/** The names of an aggregate's commands: the classes that its `decide` files export. */
const commandsOf = (aggregate: string): string[] =>
  readdirSync(join(DOMAIN, aggregate))
    .filter((name) => /^decide(-[a-z]+)?\.ts$/.test(name))
    .flatMap((name) => Object.entries(require(join(DOMAIN, aggregate, name)) as Record<string, unknown>))
    .filter(([, value]) => /^class /.test(String(value)))
    .map(([name]) => name);

describe('the command handlers', () => {
  it('are exactly one for each command of the domain', () => {
    const commands = ['user', 'project', 'task', 'tenant'].flatMap(commandsOf);
    expect(commands).toContain('ChangeRole');
    expect(commandHandlers.map(({ name }) => name).sort()).toEqual(commands.map((name) => `${name}Handler`).sort());
  });
});
