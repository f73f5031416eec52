import { type OpenCommandBus, openCommandBus } from '../../libs/commands/command-bus';
import type { AggregateStore } from '../../libs/event-log/aggregate-store';
import { createCatalogue } from '../../libs/plans/catalogue';
import { inStreamLimits } from '../../libs/plans/limit-guard';
import { type LimitGuard, unlimited } from '../../libs/plans/limit-guard.port';
import type { Runtime } from '../bootstrap/runtime';

/**
 * The command bus of the worker. Of the plan's limits it checks those that a tenant's own stream holds, such as seats. It
 * sends no command that uses up a limit across streams, such as the number of projects, and so reserves nothing.
 */
export const openWorkerCommands = ({ settings, logger }: Runtime, store: AggregateStore): Promise<OpenCommandBus> => {
  const limits: LimitGuard = {
    ...unlimited,
    ...(settings.plans === 'catalogue' && {
      limitsOf: inStreamLimits(createCatalogue(settings.stripePrices), settings.invitationsHoldSeats),
    }),
  };
  return openCommandBus({ store, limits, logger });
};
