import type { ResolvedEvent } from '@eventstore/db-client';
import type { RecordedEvent } from '../../port';
import { decode } from '../codec';
import type { Logger } from '../options';
import type { ReadDeps } from './read-deps';

/** How streams of tenants were named before the tenant became their category. */
const FORMER_NAME = /^[0-9a-f]{32}\.[a-z][a-z0-9_]{0,30}-[0-9a-f]{8}-/;

/** Says once that the log holds streams which this release does not read. */
export const createOldNameWarning = (logger: Logger) => {
  let said = false;
  return (stream: string): void => {
    if (said || !FORMER_NAME.test(stream)) return;
    said = true;
    logger.warn(
      { stream },
      'the log holds streams that a development version named in another form; they are not read. Begin with an empty EventStoreDB',
    );
  };
};

/** What a filter wants of a record of the log, erased tenants left out. */
export const eventFilter = (
  { upcasters, erasures, formerNames }: Pick<ReadDeps, 'upcasters' | 'erasures' | 'formerNames'>,
  types: readonly string[] | undefined,
  tenantId?: string,
) => {
  const wanted = types && new Set(types);
  return ({ event }: Pick<ResolvedEvent, 'event'>): RecordedEvent | undefined => {
    if (!event || wanted?.has(event.type) === false || erasures.hide(event.streamId)) return undefined;
    const recorded = decode(event, upcasters);
    if (!recorded) {
      erasures.notice(event);
      formerNames(event.streamId);
    }
    return tenantId !== undefined && recorded?.stream.tenantId !== tenantId ? undefined : recorded;
  };
};
