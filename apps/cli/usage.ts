/** The command line was called wrongly; the message says how to call it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `tenantry: what operators do beside a running Tenantry

  tenantry migrate                          bring the database up to date
  tenantry projections                      position, lag and state of each read model
  tenantry projections rebuild NAME         fold a read model anew, while the old one is read
  tenantry projections reset [NAME|--all]   rebuild what does not fit the log, or the named one, or all
  tenantry projections pause|resume NAME    stop a read model, or let it go on
  tenantry database users                   print the users of a pooler with their passwords, as PgBouncer's userlist
  tenantry operators token [--hours N] [--name NAME]
                                            print a token for /ops, good for 12 hours unless told
  tenantry keys                             the keys that access tokens are signed with
  tenantry keys rotate [--now]              sign new access tokens with the next key
  tenantry keys revoke KEY                  what that key has signed is good no longer
  tenantry parked                           tenants that stand still in a read model, at which event, and why
  tenantry parked retry|skip NAME LANE      let one go on, with or without that event
  tenantry parked skipped                   events that were skipped, by whom and when
  tenantry reactions                        position and lag of what answers events, and what it could not answer
  tenantry reactions reset NAME --to head|POSITION
                                            answer only what lies behind that place of the log
  tenantry reactions retry|skip NAME EVENT  try such an event again, or leave it unanswered
  tenantry billing inbox [STATE]            what Stripe told: how many of each state, or those of one
  tenantry billing show|retry|skip EVENT    look at one, try it again, or leave it alone
  tenantry billing reconcile [--tenant ID]  compare with Stripe now, and mend what differs
  tenantry plans agree TENANT PLAN [--seats N] [--projects N]
                                            terms of one company's own, whatever it has bought
  tenantry plans release TENANT             ends that: the company has what it has bought

Settings are those of the product: the environment and .env.
`;
