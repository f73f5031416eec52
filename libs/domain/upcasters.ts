/**
 * The functions that turn the data of events that earlier releases stored into the present shape, by event type. Each
 * list holds the steps from version 1 to 2, from 2 to 3, and so on. A new step raises the schema version that is
 * written.
 */
export const upcasters: { readonly [type: string]: readonly ((data: Data) => Data)[] } = {
  PaymentFailed: [(data) => withAmounts(data, 0)],
  PaymentSucceeded: [(data) => withAmounts(data, data['amount'] ?? 0)],
  PaymentForgiven: [(data) => withAmounts(data, 0)],
};

type Value = string | number | boolean | null | readonly Value[] | { [key: string]: Value };
type Data = { [key: string]: Value };

/** Version 1 did not store how much of an invoice was paid by credits, so the whole amount counts as due. */
const withAmounts = (data: Data, paid: Value): Data => ({ ...data, amountDue: data['amount'] ?? 0, amountPaid: paid });
