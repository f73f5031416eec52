import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AggregateStore, type Executed } from '../../event-log/aggregate-store';
import { RegisterPerson } from './commands';
import { registerPerson } from './decide';
import { personFold } from './evolve';

@CommandHandler(RegisterPerson)
export class RegisterPersonHandler implements ICommandHandler<RegisterPerson, Executed> {
  constructor(private readonly store: AggregateStore) {}

  execute({ personId, context }: RegisterPerson): Promise<Executed> {
    const stream = { tenantId: null, aggregate: personFold.aggregate, id: personId };
    return this.store.create(personFold, stream, context, registerPerson);
  }
}

export const personHandlers = [RegisterPersonHandler];
