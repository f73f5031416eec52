import * as project from '#domain/project/commands';
import * as task from '#domain/task/commands';
import * as tenant from '#domain/tenant/commands';
import * as user from '#domain/user/commands';
import { commandHandlers } from './handlers';

describe('the command handlers', () => {
  it('are one for each command of the domain', () => {
    const commands = [user, project, task, tenant].flatMap((module) => Object.keys(module));
    expect(commandHandlers.map(({ name }) => name).sort()).toEqual(commands.map((name) => `${name}Handler`).sort());
  });
});
