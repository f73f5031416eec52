import { CreateTenant } from '#domain/tenant/decide-tenant';
import { RegisterUser } from '#domain/user/decide';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import type { Position } from '#event-log/port';
import type { SignUpEvents } from '#identity/sagas/sign-up';

type Execute = (command: CreateTenant | RegisterUser) => Promise<CommandResult>;

/** The facts of a sign-up as commands to their aggregates. */
export const createSignUpEvents = (execute: Execute): SignUpEvents => {
  const appended = async (command: CreateTenant | RegisterUser): Promise<Position> => {
    const { position } = await execute(command);
    if (position === undefined) throw new Error('founding a stream appended nothing');
    return position;
  };
  return {
    createTenant: ({ tenantId, companyName, slug, userId }, context) =>
      appended(new CreateTenant(tenantId, { name: companyName, slug, ownerId: userId }, context)),
    registerUser: (userId, context) => appended(new RegisterUser(userId, context)),
  };
};
