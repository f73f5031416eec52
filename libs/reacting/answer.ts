import type { CommandContext } from '#domain/command';
import type { RecordedEvent } from '#event-log/port';
import { uuidv5 } from '#platform/ids/uuid';

/**
 * The context of a command that answers an event. The id of the command is derived from the event and the target, so
 * that sending it again has no further effect. It has the access record of the event, so that each reaction can be
 * followed to the request that caused it.
 * @param target the object of the command, which distinguishes several commands that answer one event
 */
export const answerTo = (
  { id, correlationId, accessId }: Pick<RecordedEvent, 'id' | 'correlationId' | 'accessId'>,
  target: string,
): CommandContext => ({
  commandId: uuidv5(id, target),
  actor: { kind: 'system' },
  correlationId,
  causationId: id,
  ...(accessId !== null && { accessId }),
  mayRepeat: true,
});
