import { ErasePerson, RegisterPerson } from '../../domain/person/commands';
import { erasePerson, registerPerson } from '../../domain/person/decide';
import { type Person, personFold } from '../../domain/person/evolve';
import { commandHandler } from '../command-handler';
import { noFacts } from '../rule';

const aggregate = {
  fold: personFold,
  /** Users belong to no tenant. */
  streamOf: ({ personId }: { readonly personId: string }) => ({
    tenantId: null,
    aggregate: personFold.aggregate,
    id: personId,
  }),
  readFacts: noFacts,
};

/** Each command of a user with the rule that decides on it. */
export const userHandlers = [
  commandHandler({
    ...aggregate,
    command: RegisterPerson,
    creates: true,
    decide: (_: RegisterPerson, user: Person) => registerPerson(user),
  }),
  commandHandler({
    ...aggregate,
    command: ErasePerson,
    decide: (_: ErasePerson, user: Person) => erasePerson(user),
  }),
];
