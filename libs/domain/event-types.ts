/**
 * The names of all events of a union, for code that needs them at run time. The argument is a record, because the
 * compiler then reports a name that is missing, which it does not do for a list.
 */
export const eventTypes = <Event extends { readonly type: string }>(
  types: {
    readonly [type in Event['type']]: true;
  },
): readonly Event['type'][] => Object.keys(types) as Event['type'][];
