import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import type { EventToAppend } from '#event-log/port';
import { withReservation } from '#plans/with-reservation';
import type { AnyCommand, CommandDeps, CommandRule } from './rule';

/**
 * Executes one command: reads the facts that its rule needs, checks the limits of the plan and reserves a place below
 * them, lets the rule decide on the state of its stream, and appends the events. The store repeats the decision if
 * another writer appended first, and recognises a command that was executed before.
 * @throws Refusal the rule refuses the command
 * @throws Problem plan-limit-reached
 * @throws StaleVersion the stream does not have the version that the client requires
 * @throws all other errors of `AggregateStore.execute`, and of reading the facts
 */
export const executeRule = async <Command extends AnyCommand, State, Event extends EventToAppend, Facts>(
  rule: CommandRule<Command, State, Event, Facts>,
  command: Command,
  { store, limits }: CommandDeps,
): Promise<CommandResult<State>> => {
  const { fold, creates, reserves } = rule;
  const { context } = command;
  const stream = rule.streamOf(command);
  const decideWith = (facts: Facts) => (state: State) => rule.decide(command, state, facts, limits);
  const looksUpRepeats = reserves !== undefined && context.mayRepeat;
  const append = (decide: (state: State) => readonly Event[]): Promise<CommandResult<State>> =>
    creates && !looksUpRepeats
      ? store.create(fold, stream, context, decide)
      : store.execute(fold, stream, context, decide, rule.comparesVersion ? undefined : command.requiredVersion);
  const requireWritable = async (facts: Facts): Promise<void> => {
    const written = rule.writesTo?.(command, facts);
    if (written) await limits.requireWritable(written.tenantId, written.tenant, written.projectId);
  };

  if (!reserves) {
    const facts = await rule.readFacts(store, command);
    if (rule.writesTo) await requireWritable(facts);
    return append(decideWith(facts));
  }
  const [facts, { state }] = await Promise.all([
    rule.readFacts(store, command),
    creates ? { state: fold.initial } : store.loadForDecision(fold, stream),
  ]);
  const decide = decideWith(facts);
  // The rule decides before a place is reserved: a refused command and a command without events need no reservation.
  // For a command that may be a repeat, the store searches the log instead, because the rule may decide differently now.
  if (!looksUpRepeats && decide(state).length === 0) return append(decide);
  await requireWritable(facts);
  const { claim, wanted } = reserves(command, facts);
  return withReservation(await limits.reserve(claim, wanted), () => append(decide));
};
