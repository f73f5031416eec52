import type { CommandContext } from '#domain/command';
import type { RecordedEvent } from '#event-log/port';
import { uuidv5 } from '#platform/ids/uuid';

/**
 * The context of a command that answers an event. The id of the command is derived from the event and the target, so
 * that sending it again has no further effect.
 * @param target the object of the command, which distinguishes several commands that answer one event
 */
export const answerTo = (
  { id, correlationId }: Pick<RecordedEvent, 'id' | 'correlationId'>,
  target: string,
): CommandContext => ({
  commandId: uuidv5(id, target),
  actor: { kind: 'system' },
  correlationId,
  causationId: id,
  mayRepeat: true,
});
