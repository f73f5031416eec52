import { type EventLog, PositionsBehind } from '#event-log/port';
import { NotReady, type ReadinessCheck } from '#platform/readiness/check';
import type { CheckpointWatch } from '#projecting/checkpoints/checkpoint-watch';

/** Checks that the checkpoints and the sequence of positions match the event log. */
export const historyChecks = (
  watch: Pick<CheckpointWatch, 'invalidCheckpoints'>,
  log: Pick<EventLog, 'checkPositions'>,
): ReadinessCheck[] => [
  {
    name: 'history',
    message: 'A read model or a reaction is at a position that the event log does not have.',
    runbook: 'docs/runbooks/readiness.md#history',
    run: async () => {
      const { projections, reactions } = watch.invalidCheckpoints();
      const sentences = [
        ...[...projections.values()].map((reason) => `Read model ${reason}: run \`tenantry projections reset\`.`),
        ...[...reactions.values()].map((reason) => `Reaction ${reason}: run \`tenantry reactions reset\`.`),
      ];
      if (sentences.length > 0) throw new NotReady(sentences.join(' '));
    },
  },
  {
    name: 'sequence',
    message: "The positions' sequence could not be compared with the last event, because the event log did not answer.",
    runbook: 'docs/runbooks/readiness.md#sequence',
    run: async () => {
      try {
        await log.checkPositions();
      } catch (error) {
        // If the log does not answer, the check "event log" fails.
        if (error instanceof PositionsBehind) throw new NotReady(error.message);
      }
    },
  },
];
