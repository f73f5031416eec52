/**
 * How events that earlier releases stored become what this release expects, by type. Each list holds the steps from
 * version 1 to 2, 2 to 3, …; adding a step makes the next version the one that is written.
 */
export const upcasters: { readonly [type: string]: readonly ((data: Data) => Data)[] } = {};

type Value = string | number | boolean | null | readonly Value[] | { [key: string]: Value };
type Data = { [key: string]: Value };
