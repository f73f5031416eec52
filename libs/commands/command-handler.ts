import type { Type } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AggregateStore, type CommandResult } from '#event-log/aggregate/aggregate-store';
import type { EventToAppend } from '#event-log/port';
import { LimitGuard } from '#plans/limit-guard.port';
import { executeRule } from './execute-rule';
import type { AnyCommand, CommandRule } from './rule';

/**
 * The Nest command handler of one rule. Nest shows its name in messages: the name of the command, followed by
 * `Handler`.
 */
export const commandHandler = <Command extends AnyCommand, State, Event extends EventToAppend, Facts>(
  rule: CommandRule<Command, State, Event, Facts>,
): Type<ICommandHandler<AnyCommand>> => {
  @CommandHandler(rule.command)
  class RuleHandler implements ICommandHandler<AnyCommand> {
    constructor(
      readonly store: AggregateStore,
      readonly limits: LimitGuard,
    ) {}

    execute(command: Command): Promise<CommandResult<State>> {
      return executeRule(rule, command, this);
    }
  }
  Object.defineProperty(RuleHandler, 'name', { value: `${rule.command.name}Handler` });
  return RuleHandler;
};
