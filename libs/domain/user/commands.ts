import type { CommandContext } from '../command';

/** Registers a user; their stream must not exist yet. */
export class RegisterUser {
  constructor(
    readonly userId: string,
    readonly context: CommandContext,
  ) {}
}

/** Records that a user's personal data goes. */
export class EraseUser {
  constructor(
    readonly userId: string,
    readonly context: CommandContext,
  ) {}
}
