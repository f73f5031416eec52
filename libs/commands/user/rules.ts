import { EraseUser, eraseUser, RegisterUser, registerUser } from '#domain/user/decide';
import { type User, userFold } from '#domain/user/evolve';
import { commandHandler } from '../command-handler';
import { noFacts } from '../rule';

const aggregate = {
  fold: userFold,
  /** Users belong to no tenant. */
  streamOf: ({ userId }: { readonly userId: string }) => ({
    tenantId: null,
    aggregate: userFold.aggregate,
    id: userId,
  }),
  readFacts: noFacts,
};

/** The command handlers of the aggregate user: each command with the rule that decides on it. */
export const userHandlers = [
  commandHandler({
    ...aggregate,
    command: RegisterUser,
    creates: true,
    decide: (_: RegisterUser, user: User) => registerUser(user),
  }),
  commandHandler({
    ...aggregate,
    command: EraseUser,
    decide: (_: EraseUser, user: User) => eraseUser(user),
  }),
];
