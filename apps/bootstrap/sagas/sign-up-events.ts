import { CreateTenant } from '#domain/tenant/decide-tenant';
import { RegisterUser } from '#domain/user/decide';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import type { SignUpEvents } from '#identity/sagas/sign-up';
import { creationPosition } from './creation-position';

/** Appends the facts of a sign-up by commands to their aggregates. */
export const createSignUpEvents = (
  execute: (command: CreateTenant | RegisterUser) => Promise<CommandResult>,
): SignUpEvents => ({
  createTenant: async ({ tenantId, companyName, slug, userId }, context) => {
    const creation = { name: companyName, slug, ownerId: userId };
    return creationPosition(await execute(new CreateTenant(tenantId, creation, context)));
  },
  registerUser: async (userId, context) => creationPosition(await execute(new RegisterUser(userId, context))),
});
