import type { CommandContext } from '../command';

/** Registers a person; their stream must not exist yet. */
export class RegisterPerson {
  constructor(
    readonly personId: string,
    readonly context: CommandContext,
  ) {}
}

/** Records that a person's personal data goes. */
export class ErasePerson {
  constructor(
    readonly personId: string,
    readonly context: CommandContext,
  ) {}
}
