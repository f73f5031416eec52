import type { CommandContext } from '#domain/command';
import type { RecordedEvent } from '#event-log/port';
import { uuidv5 } from '#platform/ids/uuid';

/**
 * How a command hangs together with the event that it answers. However often it is sent, it is one command.
 * @param target what it is about, where one event is answered by several commands
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
