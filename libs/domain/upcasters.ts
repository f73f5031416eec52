/**
 * How events that earlier releases stored become what this release expects, by type. Each list holds the steps from
 * version 1 to 2, 2 to 3, …; adding a step makes the next version the one that is written.
 */
export const upcasters: { readonly [type: string]: readonly ((data: Data) => Data)[] } = {
  PaymentFailed: [(data) => withAmounts(data, 0)],
  PaymentSucceeded: [(data) => withAmounts(data, data['amount'] ?? 0)],
  PaymentForgiven: [(data) => withAmounts(data, 0)],
};

type Value = string | number | boolean | null | readonly Value[] | { [key: string]: Value };
type Data = { [key: string]: Value };

/** How much of an invoice was paid by credits was not kept: all of it counts as what there was to pay. */
const withAmounts = (data: Data, paid: Value): Data => ({ ...data, amountDue: data['amount'] ?? 0, amountPaid: paid });
