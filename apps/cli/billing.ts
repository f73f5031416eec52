import { setTimeout as sleep } from 'node:timers/promises';
import { createInboxOperations, INBOX_STATES, type InboxState } from '#billing/inbox/inbox-operations';
import { requestBackfill } from '#billing/inbox/inbox-wakeup';
import { openCommandBus } from '#commands/command-bus';
import { PLANS, type Plan } from '#domain/tenant/billing-events';
import { AgreeTerms, ReleaseTerms } from '#domain/tenant/decide-billing';
import { AggregateStore, type CommandResult } from '#event-log/aggregate/aggregate-store';
import { createCatalogue } from '#plans/catalogue/index';
import { unlimited } from '#plans/limit-guard.port';
import { uuidv7 } from '#platform/ids/uuid';
import { createPositionWaiter } from '#projecting/read-your-writes/position-waiter';
import type { Runtime } from '../bootstrap/runtime';
import { modeOf } from '../bootstrap/stripe';
import { table } from './table';
import { UsageError } from './usage';

const SHOWN = 100;
const PATIENCE_MS = 60_000;
/** ms for which the read model is waited for. */
const READ_MODEL_MS = 5_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const isState = (text: string): text is InboxState => INBOX_STATES.some((it) => it === text);

/** What Stripe told: how many of each state, or those of one. */
export const listInbox = async ({ projectorPool, stripe }: Runtime, state: string | undefined): Promise<string> => {
  const inbox = createInboxOperations(projectorPool, modeOf(stripe));
  if (state === undefined) {
    const counts = await inbox.counts();
    return table(
      ['state', 'events'],
      counts.map(({ state: name, n }) => [name, String(n)]),
    );
  }
  if (!isState(state)) throw new UsageError(`unknown state; use one of ${INBOX_STATES.join(', ')}`);
  const entries = await inbox.list(state, SHOWN);
  if (entries.length === 0) return `no event has the state ${state}`;
  return table(
    ['event', 'type', 'customer', 'tenant', 'received', 'reason'],
    entries.map((it) => [
      ...[it.eventId, it.type, it.customerId ?? '', it.tenantId ?? ''],
      ...[it.receivedAt.toISOString(), it.reason ?? ''],
    ]),
  );
};

const requireEvent = (eventId: string | undefined): string => {
  if (!eventId) throw new UsageError('name an event, for example: tenantry billing show evt_…');
  return eventId;
};

export const showEvent = async ({ projectorPool, stripe }: Runtime, id: string | undefined): Promise<string> => {
  const found = await createInboxOperations(projectorPool, modeOf(stripe)).find(requireEvent(id));
  if (!found) throw new Error(`the inbox has no event ${id}`);
  const { payload, ...entry } = found;
  return `${JSON.stringify(entry, null, 2)}\n${payload}`;
};

export const settleEvent = async (
  { projectorPool, stripe }: Runtime,
  id: string | undefined,
  skip: boolean,
): Promise<string> => {
  const inbox = createInboxOperations(projectorPool, modeOf(stripe));
  const eventId = requireEvent(id);
  if (skip && (await inbox.skip(eventId))) return `${eventId} is skipped`;
  const retried = skip ? undefined : await inbox.retry(eventId);
  if (retried)
    return `${eventId} is ${retried.state === 'pending' ? 'tried again' : `${retried.state}: ${retried.reason}`}`;
  throw new Error(`${eventId} is not known, or there is nothing to ${skip ? 'skip' : 'try again'}`);
};

const tenantOf = (words: readonly string[]): string | null => {
  const at = words.indexOf('--tenant');
  if (at < 0) return null;
  const id = words[at + 1] ?? '';
  if (!UUID.test(id)) throw new UsageError('--tenant needs the id of a tenant');
  return id;
};

/** Waits until what is in the log now can be read. */
const settle = async ({ log, projectorPool: pool, progress }: Runtime): Promise<void> => {
  const waiter = createPositionWaiter({ projections: ['billing'], progress, pool });
  await waiter.waitFor(await log.head(), READ_MODEL_MS);
  waiter.close();
};

/**
 * Compares Stripe with us and mends what differs; the running workers do it. Of one tenant what Stripe has is compared;
 * of all of them Stripe's list of events is read, too.
 */
export const reconcile = async (runtime: Runtime, words: readonly string[]): Promise<string> => {
  const { projectorPool, stripe, jobs, log } = runtime;
  const inbox = createInboxOperations(projectorPool, modeOf(stripe));
  const tenantId = tenantOf(words);
  if (tenantId !== null && !(await inbox.knows(tenantId))) throw new Error(`there is no tenant ${tenantId}`);
  const before = await log.head();
  if (tenantId === null) await requestBackfill(jobs);
  const asked = await inbox.reconcile(tenantId);
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end && (await inbox.left(tenantId)) > 0; ) await sleep(200);
  const left = await inbox.left(tenantId);
  await settle(runtime);
  const mended = await inbox.drift(tenantId, before, SHOWN);
  const lines = mended.map(({ tenantId: id, facts }) => `${id}: ${facts.join(', ')}`);
  const waiting =
    left > 0 ? `; ${left} are not compared yet: check that a worker is running and that Stripe answers` : '';
  return [`compared ${asked - left} customers, corrected ${mended.length}${waiting}`, ...lines].join('\n');
};

const numberOf = (words: readonly string[], name: string): number | null | undefined => {
  const at = words.indexOf(name);
  if (at < 0) return undefined;
  const text = words[at + 1] ?? '';
  if (text === 'unlimited') return null;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${name} needs a number, or "unlimited"`);
  return Number(text);
};

/** Sends one command over a bus that is opened for it. */
const execute = async <Command extends AgreeTerms | ReleaseTerms>(
  { log, logger }: Runtime,
  command: Command,
): Promise<CommandResult> => {
  const { bus, close } = await openCommandBus({ store: new AggregateStore({ log }), limits: unlimited, logger });
  try {
    return await bus.execute<Command, CommandResult>(command);
  } finally {
    await close();
  }
};

/** Agrees upon terms with one tenant, whatever it has bought. */
export const agree = async (
  runtime: Runtime,
  [tenantId = '', plan = '', ...words]: readonly string[],
): Promise<string> => {
  const { settings } = runtime;
  if (!UUID.test(tenantId) || !PLANS.some((it) => it === plan))
    throw new UsageError(
      `tenantry plans agree <tenant> ${PLANS.join('|')} [--seats N|unlimited] [--projects N|unlimited]`,
    );
  const terms = createCatalogue(settings.stripePrices).termsOf(plan as Plan, null);
  const [seats, projects] = [numberOf(words, '--seats'), numberOf(words, '--projects')];
  const limits = {
    ...terms.limits,
    ...(seats !== undefined && { seats }),
    ...(projects !== undefined && { projects }),
  };
  const context = { commandId: uuidv7(), actor: { kind: 'operator' } as const, correlationId: 'plans-agree' };
  const wanted = { terms: { ...terms, limits, agreed: true } };
  const { position } = await execute(runtime, new AgreeTerms(tenantId, wanted, context));
  return position === undefined ? 'these terms are in force already' : `agreed: ${plan}, ${JSON.stringify(limits)}`;
};

/** Ends what was agreed upon: the tenant has what it has bought. */
export const release = async (runtime: Runtime, [tenantId = '']: readonly string[]) => {
  const { settings, projectorPool, stripe } = runtime;
  if (!UUID.test(tenantId)) throw new UsageError('tenantry plans release <tenant>');
  const context = { commandId: uuidv7(), actor: { kind: 'operator' } as const, correlationId: 'plans-release' };
  const wanted = { free: createCatalogue(settings.stripePrices).free };
  const { position } = await execute(runtime, new ReleaseTerms(tenantId, wanted, context));
  if (position === undefined) return 'this tenant has no agreed terms';
  await createInboxOperations(projectorPool, modeOf(stripe)).reconcile(tenantId);
  return 'released: the tenant is back on the plan that it bought';
};
