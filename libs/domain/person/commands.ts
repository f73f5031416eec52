import type { CommandContext } from '../command';

/** Registers a person; their stream must not exist yet. */
export class RegisterPerson {
  constructor(
    readonly personId: string,
    readonly context: CommandContext,
  ) {}
}
