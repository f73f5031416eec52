/** The command was called with wrong arguments. The message says how to call it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `tenantry: commands for operators of a running Tenantry

  tenantry migrate                          apply the database migrations
  tenantry projections                      position, lag and state of each read model
  tenantry projections rebuild NAME         rebuild a read model; queries use the old tables until it is done
  tenantry projections reset [NAME|--all]   rebuild the read models that do not match the log, the named one, or all
  tenantry projections pause|resume NAME    stop updating a read model, or continue
  tenantry database users                   print the users of a pooler with their passwords, as PgBouncer's userlist
  tenantry operators                        everyone who is or was an operator
  tenantry operators add NAME               add an operator; the first one adds themselves
  tenantry operators remove NAME            remove an operator, and refuse all tokens of the operator
  tenantry operators token [--hours N]      print a token for /ops, valid for 12 hours by default
  tenantry keys                             the keys that sign and verify access tokens
  tenantry keys rotate [--now]              sign new access tokens with the next key
  tenantry keys revoke KEY                  revoke a key: tokens signed with it are refused
  tenantry parked                           parked partitions of read models, with the event and the reason
  tenantry parked retry|skip NAME PARTITION      continue a partition: process the event again, or skip it
  tenantry parked skipped                   events that operators have skipped, with the operator and the time
  tenantry reactions                        position, lag and failed events of each reaction
  tenantry reactions reset NAME --to head|POSITION
                                            continue a reaction after that position of the log
  tenantry reactions retry|skip NAME EVENT  process a failed event again, or skip it
  tenantry billing inbox [STATE]            events received from Stripe: the number in each state, or the events in one state
  tenantry billing show|retry|skip EVENT    show an event, process it again, or skip it
  tenantry billing reconcile [--tenant ID]  compare subscriptions with Stripe now, and correct differences
  tenantry plans agree TENANT PLAN [--seats N] [--projects N]
                                            give a tenant agreed terms in place of the plan that it has bought
  tenantry plans release TENANT             end the agreed terms: the plan that the tenant has bought applies again

  --as NAME        the operator who runs the command; by default, the one with the name of your user account
  --reason TEXT    why; every command that changes something needs it, and the event log keeps it

Settings are read from the environment and from .env, as for the product.
`;
