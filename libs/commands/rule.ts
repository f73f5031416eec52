import type { Type } from '@nestjs/common';
import type { CommandContext, RequiredVersion } from '#domain/command';
import type { Tenant } from '#domain/tenant/evolve';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';
import type { Fold } from '#event-log/aggregate/fold';
import type { EventToAppend } from '#event-log/port';
import type { StreamId } from '#event-log/stream-id';
import type { LimitClaim, LimitGuard, Reservable } from '#plans/limit-guard.port';

/** The properties that every command has. */
export interface AnyCommand {
  readonly context: CommandContext;
  /** The version that the client requires; undefined: any version. */
  readonly requiredVersion?: RequiredVersion;
}

/** The services that the execution of a command needs. */
export interface CommandDeps {
  readonly store: AggregateStore;
  readonly limits: LimitGuard;
}

/**
 * Connects one command with its aggregate, with the rule that decides on it, and with the facts and reservations that
 * the rule needs. `execute-rule.ts` executes it.
 */
export interface CommandRule<Command extends AnyCommand, State, Event extends EventToAppend, Facts> {
  readonly command: Type<Command>;
  readonly fold: Fold<State, Event>;
  readonly streamOf: (command: Command) => StreamId;
  /** True if the command creates its stream. The events are appended without reading the stream first. */
  readonly creates?: boolean;
  /**
   * Reads the facts of other streams that the rule needs. Called once per command. @throws the errors of the event log
   */
  readonly readFacts: (store: AggregateStore, command: Command) => Facts | Promise<Facts>;
  /**
   * Calls the rule. It is called again with the newer state if another writer appended first.
   * @throws Refusal
   */
  readonly decide: (command: Command, state: State, facts: Facts, limits: LimitGuard) => readonly Event[];
  /**
   * True if the rule compares the expected version with the version of a part of the state. False: the store compares
   * it with the stream's version.
   */
  readonly comparesVersion?: boolean;
  /**
   * The project that the command writes to, or undefined. After a downgrade, projects beyond the plan's limit are
   * read-only.
   */
  readonly writesTo?: (command: Command, facts: Facts) => WrittenProject | undefined;
  /** The place below a limit across several streams that the command needs. It is reserved before the append. */
  readonly reserves?: (command: Command, facts: Facts) => { readonly claim: LimitClaim; readonly wanted: Reservable };
}

export interface WrittenProject {
  readonly tenantId: string;
  /** The present state: its plan sets the limit. */
  readonly tenant: Tenant;
  readonly projectId: string;
}

/** For a rule that needs only the state of its own stream. */
export const noFacts = (): undefined => undefined;
