import { setTimeout as sleep } from 'node:timers/promises';
import { createInboxOperations, INBOX_STATES, type InboxState } from '#billing/inbox/inbox-operations';
import { requestBackfill } from '#billing/inbox/inbox-wakeup';
import { openCommandBus } from '#commands/command-bus';
import { PLANS, type Plan } from '#domain/tenant/billing-events';
import { AgreeTerms, ReleaseTerms } from '#domain/tenant/decide-billing';
import { AggregateStore, type CommandResult } from '#event-log/aggregate/aggregate-store';
import { createCatalogue } from '#plans/catalogue/index';
import { unlimited } from '#plans/limit-guard.port';
import { createPositionWaiter } from '#projecting/read-your-writes/position-waiter';
import type { Runtime } from '../bootstrap/runtime';
import { modeOf } from '../bootstrap/stripe';
import { commandContextOf, type RecordAction } from './operator-session';
import { table } from './table';
import { UsageError } from './usage';

/** The maximum number of rows that a list shows. */
const MAX_ROWS = 100;
/** ms after which `reconcile` no longer waits for the workers. */
const RECONCILE_MS = 60_000;
/** ms after which `reconcile` no longer waits for the read model. */
const READ_MODEL_MS = 5_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const isState = (text: string): text is InboxState => INBOX_STATES.some((it) => it === text);

/** The events that Stripe has sent: the number in each state, or a list of those in one state. */
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
  const entries = await inbox.list(state, MAX_ROWS);
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
  if (!eventId) throw new UsageError('name an event of Stripe, for example: tenantry billing show evt_…');
  return eventId;
};

/** An event of Stripe: its state in the inbox, and what Stripe sent. */
export const showEvent = async ({ projectorPool, stripe }: Runtime, id: string | undefined): Promise<string> => {
  const found = await createInboxOperations(projectorPool, modeOf(stripe)).find(requireEvent(id));
  if (!found) throw new Error(`the inbox contains no event ${id}; \`tenantry billing inbox STATE\` lists events`);
  const { payload, ...entry } = found;
  return `${JSON.stringify(entry, null, 2)}\n${payload}`;
};

/** Skips an event of Stripe, or has it processed again by a running worker. */
export const settleEvent = async (
  { projectorPool, stripe }: Runtime,
  id: string | undefined,
  skip: boolean,
  record: RecordAction,
): Promise<string> => {
  const inbox = createInboxOperations(projectorPool, modeOf(stripe));
  const eventId = requireEvent(id);
  const entry = await inbox.find(eventId);
  if (entry) await record(skip ? 'billing.skip' : 'billing.retry', eventId, entry.tenantId);
  if (skip && (await inbox.skip(eventId))) return `${eventId} is skipped`;
  const retried = skip ? undefined : await inbox.retry(eventId);
  if (retried)
    return retried.state === 'pending'
      ? `a worker will process ${eventId} again within seconds`
      : `${eventId} is ${retried.state}: ${retried.reason}`;
  throw new Error(
    `the inbox contains no event ${eventId}, or its state does not allow to ${skip ? 'skip it' : 'process it again'}; see \`tenantry billing show ${eventId}\``,
  );
};

const tenantOf = (words: readonly string[]): string | null => {
  const at = words.indexOf('--tenant');
  if (at < 0) return null;
  const id = words[at + 1] ?? '';
  if (!UUID.test(id)) throw new UsageError('--tenant needs the id of a tenant');
  return id;
};

/** Waits until the read model includes all events that are in the log now. */
const waitForReadModel = async ({ log, projectorPool: pool, progress }: Runtime): Promise<void> => {
  const waiter = createPositionWaiter({ projections: ['billing'], progress, pool });
  await waiter.waitFor(await log.head(), READ_MODEL_MS);
  waiter.close();
};

/**
 * Requests that the running workers compare Stripe's subscriptions with those of this installation, and correct
 * differences. For all tenants, the workers also read Stripe's list of events.
 * @param words `--tenant ID` for one tenant, empty for all
 */
export const reconcile = async (runtime: Runtime, words: readonly string[], record: RecordAction): Promise<string> => {
  const { projectorPool, stripe, jobs, log } = runtime;
  const inbox = createInboxOperations(projectorPool, modeOf(stripe));
  const tenantId = tenantOf(words);
  if (tenantId !== null && !(await inbox.tenantExists(tenantId))) throw new Error(`there is no tenant ${tenantId}`);
  await record('billing.reconcile', null, tenantId);
  const before = await log.head();
  if (tenantId === null) await requestBackfill(jobs);
  const requested = await inbox.reconcile(tenantId);
  for (const end = Date.now() + RECONCILE_MS; Date.now() < end && (await inbox.countUnprocessed(tenantId)) > 0; )
    await sleep(200);
  const left = await inbox.countUnprocessed(tenantId);
  await waitForReadModel(runtime);
  const corrected = await inbox.corrections(tenantId, before, MAX_ROWS);
  const lines = corrected.map(({ tenantId: id, facts }) => `${id}: ${facts.join(', ')}`);
  const waiting =
    left > 0 ? `; ${left} are not compared yet: check that a worker is running and that Stripe answers` : '';
  return [`compared ${requested - left} customers, corrected ${corrected.length}${waiting}`, ...lines].join('\n');
};

const numberOf = (words: readonly string[], name: string): number | null | undefined => {
  const at = words.indexOf(name);
  if (at < 0) return undefined;
  const text = words[at + 1] ?? '';
  if (text === 'unlimited') return null;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${name} needs a number, or "unlimited"`);
  return Number(text);
};

/** Runs one command, with a command bus that is opened for it. */
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

/** Gives one tenant agreed terms, which apply in place of the plan that it has bought. */
export const agree = async (
  runtime: Runtime,
  [tenantId = '', plan = '', ...words]: readonly string[],
  record: RecordAction,
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
  const context = commandContextOf(await record('plans.agree', plan, tenantId));
  const wanted = { terms: { ...terms, limits, agreed: true } };
  const { position } = await execute(runtime, new AgreeTerms(tenantId, wanted, context));
  return position === undefined ? 'these terms already apply' : `agreed: ${plan}, ${JSON.stringify(limits)}`;
};

/** Ends the agreed terms of a tenant: the plan that it has bought applies again. */
export const release = async (
  runtime: Runtime,
  [tenantId = '']: readonly string[],
  record: RecordAction,
): Promise<string> => {
  const { settings, projectorPool, stripe } = runtime;
  if (!UUID.test(tenantId)) throw new UsageError('tenantry plans release <tenant>');
  const context = commandContextOf(await record('plans.release', null, tenantId));
  const wanted = { free: createCatalogue(settings.stripePrices).free };
  const { position } = await execute(runtime, new ReleaseTerms(tenantId, wanted, context));
  if (position === undefined) return 'this tenant has no agreed terms';
  await createInboxOperations(projectorPool, modeOf(stripe)).reconcile(tenantId);
  return 'released: the plan that the tenant has bought applies again';
};
