import type { Type } from '@nestjs/common';
import type { CommandContext } from '#domain/command';
import type { Tenant } from '#domain/tenant/evolve';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';
import type { Fold } from '#event-log/aggregate/fold';
import type { EventToAppend } from '#event-log/port';
import type { StreamId } from '#event-log/stream-id';
import type { LimitClaim, LimitGuard, Reservable } from '#plans/limit-guard.port';

/** What every command carries, whatever its aggregate. */
export interface AnyCommand {
  readonly context: CommandContext;
  /** The version that the client insists on; undefined: any version. */
  readonly expectedVersion?: number | undefined;
}

/** What commands are executed with. */
export interface CommandDeps {
  readonly store: AggregateStore;
  readonly limits: LimitGuard;
}

/**
 * One command: its aggregate, the rule that decides on it, and what must be known or reserved before. A handler executes it
 * (see `execute-rule.ts`).
 */
export interface CommandRule<Command extends AnyCommand, State, Event extends EventToAppend, Facts> {
  readonly command: Type<Command>;
  readonly fold: Fold<State, Event>;
  readonly streamOf: (command: Command) => StreamId;
  /** True where the command begins its stream. The events are appended without a read before. */
  readonly creates?: boolean;
  /** Reads what the rule must know about other streams. Called once per command. @throws what the log throws */
  readonly readFacts: (store: AggregateStore, command: Command) => Facts | Promise<Facts>;
  /**
   * Called again with the newer state after another writer was faster.
   * @throws Refusal
   */
  readonly decide: (command: Command, state: State, facts: Facts, limits: LimitGuard) => readonly Event[];
  /** The version of a part of the state that the client insists on is compared by the rule, and not with the stream's. */
  readonly comparesVersion?: boolean;
  /** The project that the command writes to. After a downgrade, projects beyond the plan's limit are read-only. */
  readonly writesTo?: (command: Command, facts: Facts) => WrittenProject | undefined;
  /** What the command uses up of a limit that spans streams. It is reserved before the append. */
  readonly reserves?: (command: Command, facts: Facts) => { readonly claim: LimitClaim; readonly wanted: Reservable };
}

export interface WrittenProject {
  readonly tenantId: string;
  /** As it is now: its plan sets the limit. */
  readonly tenant: Tenant;
  readonly projectId: string;
}

/** For rules that need only the state of their own stream. */
export const noFacts = (): undefined => undefined;
