/** Who caused a change. `id` is the id of the user or of the operator; Stripe and the product itself have no id. */
export type Actor =
  | { readonly kind: 'user' | 'operator'; readonly id: string }
  | { readonly kind: 'stripe' | 'system' };

/** Who sent a command, and the request and event that it belongs to. */
export interface CommandContext {
  /** UUID: the identity of the command. A command that is executed twice has the same effect as once. */
  readonly commandId: string;
  readonly actor: Actor;
  /** 1..128 characters of `[A-Za-z0-9._:-]`: the request that this command and its events belong to. */
  readonly correlationId: string;
  /** UUID of the event that a reaction answers with this command. */
  readonly causationId?: string;
  /** UUID of the access record: which credential sent the command, and from where. Absent: it is not known. */
  readonly accessId?: string;
  /** True if this command may have been executed before: the log is searched for its id first. */
  readonly mayRepeat?: boolean;
}

/** The versions that a client requires or excludes. Both conditions must be met. */
export interface VersionCondition {
  /** The present version must be one of these; undefined: any version. */
  readonly anyOf?: readonly number[];
  /** The present version must be none of these; undefined: any version. */
  readonly noneOf?: readonly number[];
}

/** One version that the client requires, or a condition; undefined: any version. */
export type RequiredVersion = number | VersionCondition | undefined;

export const hasRequiredVersion = (version: number, required: RequiredVersion): boolean => {
  if (required === undefined || typeof required === 'number') return required === undefined || required === version;
  const { anyOf, noneOf } = required;
  return (anyOf === undefined || anyOf.includes(version)) && !noneOf?.includes(version);
};

/** A command to one stream of a tenant: the input of its rule, and its context. */
export abstract class TenantCommand<Input> {
  constructor(
    readonly tenantId: string,
    readonly input: Input,
    readonly context: CommandContext,
    /**
     * The version that the client requires: of the stream, or for a tenant, of the part that the command changes.
     * Undefined: any version.
     */
    readonly requiredVersion?: RequiredVersion,
  ) {}
}
