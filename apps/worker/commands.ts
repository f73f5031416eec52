import { type OpenCommandBus, openCommandBus } from '#commands/command-bus';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { createCatalogue } from '#plans/catalogue/index';
import { inStreamLimits } from '#plans/limit-guard';
import { type LimitGuard, unlimited } from '#plans/limit-guard.port';
import type { Runtime } from '../bootstrap/runtime';

/**
 * The command bus of the worker. Of the plan's limits it checks those that a tenant's own stream holds, such as seats.
 * It sends no command that uses up a limit across streams, such as the number of projects, and so reserves nothing.
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
