/** Who made something happen. `id` is a user's id; operators, Stripe and the system itself have none. */
export type Actor =
  | { readonly kind: 'user'; readonly id: string }
  | { readonly kind: 'operator' | 'stripe' | 'system' };

/** Who wants something done, and how it hangs together with the rest. */
export interface CommandContext {
  /** UUID: the command's identity. Carrying out the same one twice has the effect of once. */
  readonly commandId: string;
  readonly actor: Actor;
  /** 1..128 characters of `[A-Za-z0-9._:-]`: the request that all of this belongs to. */
  readonly correlationId: string;
  /** UUID of the event that a reaction answers. */
  readonly causationId?: string;
  /** True where this very command may have been carried out before: the log is asked first. */
  readonly mayRepeat?: boolean;
}

/** A command to one stream of a tenant: what its rule decides on, and for whom. */
export abstract class TenantCommand<Input> {
  constructor(
    readonly tenantId: string,
    readonly input: Input,
    readonly context: CommandContext,
    /** The version that the client insists on: of the stream, or of the changed part of a tenant. Undefined: any. */
    readonly expectedVersion?: number | undefined,
  ) {}
}
