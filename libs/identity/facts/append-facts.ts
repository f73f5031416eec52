import { type Actor, type EventLog, InvalidAppend } from '#event-log/port';
import { groupBy } from '#platform/group-by';
import type { Logger } from '#platform/logging/logger.port';
import type { Fact, FactStore } from './fact-store';

/** Seconds after which the facts of a worker that was killed are taken by another one. */
const LEASE_SECONDS = 30;
/** The maximum number of facts that one call takes. */
const AT_ONCE = 200;
/** Hours for which a fact waits for the tenant that its session belongs to. */
const TENANT_HOURS = 24;

export interface AppendFactsDeps {
  readonly store: FactStore;
  readonly log: Pick<EventLog, 'append'>;
  /** Whether a tenant was created. Its session may be opened a moment before. */
  readonly isCreated: (tenantId: string) => Promise<boolean>;
  readonly logger: Logger;
}

const actorOf = ({ aggregate, actorId }: Fact): Actor => {
  if (actorId === null) return { kind: 'system' };
  return { kind: aggregate === 'operators' ? 'operator' : 'user', id: actorId };
};

const append = (log: AppendFactsDeps['log'], fact: Fact) =>
  log.append({
    stream: { tenantId: fact.tenantId, aggregate: fact.aggregate, id: fact.aggregateId },
    expected: 'any',
    events: [{ type: fact.type, data: { ...fact.data, at: fact.happenedAt.toISOString() } }],
    commandId: fact.commandId,
    actor: actorOf(fact),
    correlationId: fact.correlationId ?? fact.commandId,
    ...(fact.causationId !== null && { causationId: fact.causationId }),
    ...(fact.accessId !== null && { accessId: fact.accessId }),
  });

/**
 * Appends the facts of sign-in and of operators that wait in the outbox to the event log, those of one session, user or
 * operator in their order.
 * Any number of workers may call it. A fact whose worker is killed is appended again under the same command id, so that
 * the log has it once. A fact that could not be appended is tried again after 30 s.
 * @returns the number of facts that left the outbox
 * @throws the error of the database
 */
export const appendFacts = async ({ store, log, isCreated, logger }: AppendFactsDeps): Promise<number> => {
  const taken = await store.take(LEASE_SECONDS, AT_ONCE);
  const done: Fact[] = [];
  const errors: unknown[] = [];

  /** Whether the tenant of a fact exists, may still be created, or was not created within a day. */
  const tenantOf = async ({ tenantId, happenedAt }: Fact): Promise<'exists' | 'awaited' | 'missing'> => {
    if (tenantId === null || (await isCreated(tenantId))) return 'exists';
    return Date.now() - happenedAt.getTime() > TENANT_HOURS * 3_600_000 ? 'missing' : 'awaited';
  };
  /** @returns false if the fact stays in the outbox */
  const appendIfPossible = async (fact: Fact): Promise<boolean> => {
    try {
      const tenant = await tenantOf(fact);
      if (tenant === 'exists') await append(log, fact);
      return tenant !== 'awaited';
    } catch (error) {
      if (!(error instanceof InvalidAppend)) {
        errors.push(error);
        return false;
      }
      const { type, aggregateId } = fact;
      logger.warn({ err: error, type, aggregateId }, 'a fact of identity is dropped: the log can never accept it');
      return true;
    }
  };

  const bySubject = groupBy(taken, ({ aggregateId }) => aggregateId);
  await Promise.all(
    [...bySubject.values()].map(async (facts) => {
      for (const fact of facts) {
        if (!(await appendIfPossible(fact))) return;
        done.push(fact);
      }
    }),
  );
  if (errors.length > 0)
    logger.warn({ err: errors[0], failed: errors.length }, 'facts of identity could not be appended to the log yet');
  if (done.length > 0) await store.delete(done);
  return done.length;
};
