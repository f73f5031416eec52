import type { StreamId } from '../stream-id';
import type { ExpectedVersion } from './appends';

/** The stream has another version than the append expected. Nothing was written. */
export class WrongExpectedVersion extends Error {
  override readonly name = 'WrongExpectedVersion';
  constructor(
    readonly stream: StreamId,
    readonly expected: ExpectedVersion,
    /** The version of the stream when the append was refused; undefined if the store did not return it. */
    readonly actual: number | undefined,
  ) {
    const found = actual === undefined ? 'another version' : `version ${actual}`;
    super(
      actual === expected
        ? `the stream is at the expected version ${expected}, but holds another event there than the one that was read`
        : `the append expected version ${expected}, but the stream is at ${found}`,
    );
  }
}

/**
 * No store can accept the append, or the tenant was erased. Nothing was written, and a repeat fails in the same way.
 */
export class InvalidAppend extends Error {
  override readonly name = 'InvalidAppend';
}

/** The log does not answer, or cannot serve the call at present. A later attempt may succeed. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
}

/** The log answers, but denies the call to the user as whom this process connects. A repeat fails in the same way. */
export class LogDenied extends LogUnavailable {}

/**
 * The log was replaced by another one, or went back to an older copy. A reader must load its checkpoint again and
 * continue from there.
 */
export class HistoryChanged extends Error {
  override readonly name = 'HistoryChanged';
  constructor() {
    super('the event log was restored from an older copy or replaced by another log');
  }
}

/** New events would be stored at positions that readers have already passed. The message is written for operators. */
export class PositionsBehind extends Error {
  override readonly name = 'PositionsBehind';
}

/** The append may or may not have been written. A repeat with the same command id is safe. */
export class AppendOutcomeUnknown extends Error {
  override readonly name = 'AppendOutcomeUnknown';
}
