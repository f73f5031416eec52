import { CreateTenant } from '#domain/tenant/decide-tenant';
import { RegisterUser } from '#domain/user/decide';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import type { Position } from '#event-log/port';
import type { SignUpEvents } from '#identity/sagas/sign-up';

type Execute = (command: CreateTenant | RegisterUser) => Promise<CommandResult>;

/** Sends the events of a sign-up as commands to the aggregates. */
export const createSignUpEvents = (execute: Execute): SignUpEvents => {
  const append = async (command: CreateTenant | RegisterUser): Promise<Position> => {
    const { position } = await execute(command);
    if (position === undefined) throw new Error('a command that begins a stream appended no event');
    return position;
  };
  return {
    createTenant: ({ tenantId, companyName, slug, userId }, context) =>
      append(new CreateTenant(tenantId, { name: companyName, slug, ownerId: userId }, context)),
    registerUser: (userId, context) => append(new RegisterUser(userId, context)),
  };
};
