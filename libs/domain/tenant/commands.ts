import type { CommandContext } from '../command';
import type { Creation, Renaming } from './decide';

/** Founds a workspace; its stream must not exist yet. */
export class CreateTenant {
  constructor(
    readonly tenantId: string,
    readonly creation: Creation,
    readonly context: CommandContext,
  ) {}
}

/** Renames a workspace. */
export class RenameTenant {
  constructor(
    readonly tenantId: string,
    readonly renaming: Renaming,
    readonly context: CommandContext,
    /** The version that the client saw, where it insists on it. */
    readonly expectedVersion?: number,
  ) {}
}
