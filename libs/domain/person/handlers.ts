import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AggregateStore, type Executed } from '../../event-log/aggregate-store';
import { ErasePerson, RegisterPerson } from './commands';
import { erasePerson, registerPerson } from './decide';
import { personFold } from './evolve';

const personStream = (personId: string) => ({ tenantId: null, aggregate: personFold.aggregate, id: personId });

@CommandHandler(RegisterPerson)
export class RegisterPersonHandler implements ICommandHandler<RegisterPerson, Executed> {
  constructor(private readonly store: AggregateStore) {}

  execute({ personId, context }: RegisterPerson): Promise<Executed> {
    return this.store.create(personFold, personStream(personId), context, registerPerson);
  }
}

@CommandHandler(ErasePerson)
export class ErasePersonHandler implements ICommandHandler<ErasePerson, Executed> {
  constructor(private readonly store: AggregateStore) {}

  execute({ personId, context }: ErasePerson): Promise<Executed> {
    return this.store.execute(personFold, personStream(personId), context, erasePerson);
  }
}

export const personHandlers = [RegisterPersonHandler, ErasePersonHandler];
