import { JoinTenant } from '#domain/tenant/decide-invitations';
import { RegisterUser } from '#domain/user/decide';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import type { JoinEvents } from '#identity/sagas/join';
import { creationPosition } from './creation-position';

/** Appends the events of a join. It executes one command for the tenant and one for the user. */
export const createJoinEvents = (
  execute: (command: JoinTenant | RegisterUser) => Promise<CommandResult>,
): JoinEvents => ({
  joinTenant: async ({ tenantId, at, ...membership }, context) => {
    const command = new JoinTenant(tenantId, { ...membership, at: at.toISOString() }, context);
    return (await execute(command)).position;
  },
  registerUser: async (userId, context) => creationPosition(await execute(new RegisterUser(userId, context))),
});
