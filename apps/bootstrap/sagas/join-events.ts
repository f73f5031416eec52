import { JoinTenant } from '#domain/tenant/decide-invitations';
import { RegisterUser } from '#domain/user/decide';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import type { JoinEvents } from '#identity/sagas/join';

/** Sends the events of a join as commands to the aggregates. */
export const createJoinEvents = (
  execute: (command: JoinTenant | RegisterUser) => Promise<CommandResult>,
): JoinEvents => ({
  joinTenant: async ({ tenantId, at, ...joining }, context) => {
    const command = new JoinTenant(tenantId, { ...joining, at: at.toISOString() }, context);
    return (await execute(command)).position;
  },
  registerUser: async (userId, context) => {
    const { position } = await execute(new RegisterUser(userId, context));
    if (position === undefined) throw new Error('the command that begins the stream of a user appended no event');
    return position;
  },
});
