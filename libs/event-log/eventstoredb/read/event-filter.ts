import type { ResolvedEvent } from '@eventstore/db-client';
import type { RecordedEvent } from '../../port';
import { decode } from '../codec';
import type { Logger } from '../options';
import type { ReadDeps } from './read-deps';

/** The names that development versions gave to streams of tenants. */
const OLD_NAME = /^[0-9a-f]{32}\.[a-z][a-z0-9_]{0,30}-[0-9a-f]{8}-/;

/** Logs one warning if the log holds streams that this release does not read. */
export const createOldNameWarning = (logger: Logger) => {
  let warned = false;
  return (streamName: string): void => {
    if (warned || !OLD_NAME.test(streamName)) return;
    warned = true;
    logger.warn(
      { stream: streamName },
      'the log holds streams of a development version, which are not read; begin with an empty EventStoreDB',
    );
  };
};

/** Returns a function that decodes a record of the log, or returns undefined for a record that does not match. */
export const eventFilter = (
  { upcasters, erasures, warnOfOldName }: Pick<ReadDeps, 'upcasters' | 'erasures' | 'warnOfOldName'>,
  types: readonly string[] | undefined,
  tenantId?: string,
) => {
  const wanted = types && new Set(types);
  return ({ event }: Pick<ResolvedEvent, 'event'>): RecordedEvent | undefined => {
    if (!event || wanted?.has(event.type) === false || erasures.isErased(event.streamId)) return undefined;
    const recorded = decode(event, upcasters);
    if (!recorded) {
      erasures.learn(event);
      warnOfOldName(event.streamId);
    }
    return tenantId !== undefined && recorded?.stream.tenantId !== tenantId ? undefined : recorded;
  };
};
