import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorBody, invalid, SimError } from './errors';
import { FAULTS, type Fault, type FaultKind, type Faults } from './faults';
import { type Params, textOf } from './form';
import { advanceTo, nextMoment } from './life/time';
import { laterBy, type World } from './life/world';
import { dashboardPage } from './pages/dashboard';
import { formOf, isFromElsewhere, show } from './pages/serve';
import { newId } from './store/store';
import type { Chaos } from './webhooks/chaos';
import type { Deliveries, Delivery } from './webhooks/deliveries';

/** What a test, or somebody at the dashboard, does to the simulated Stripe. */
export interface Control {
  /** Seconds, by its clock. */
  now(): number;
  /** Lets time pass, with everything that falls due in it. @param ms how long */
  advance(ms: number): void;
  /** To the next thing that happens. @returns false where nothing is to come */
  advanceToNext(): boolean;
  setChaos(chaos: Partial<Chaos>): void;
  addFault(fault: Fault): void;
  clearFaults(): void;
  /** A customer's bank takes back what they paid. */
  dispute(invoiceId: string): void;
  redeliver(eventId: string): void;
  readonly deliveries: readonly Delivery[];
  /** Resolves when every webhook was taken. */
  idle(timeoutMs?: number): Promise<void>;
}

export const createControl = (world: World, deliveries: Deliveries, faults: Faults): Control => {
  const done = (): void => world.store.commit();
  /** As Stripe tells it of its test clocks. */
  const tellTime = (): void => {
    const clock = { id: newId('clock'), object: 'test_helpers.test_clock', frozen_time: world.now(), status: 'ready' };
    world.emit('test_helpers.test_clock.ready', clock);
  };
  return {
    now: world.now,
    advance: (ms) => {
      advanceTo(world, world.now() + Math.floor(ms / 1_000));
      tellTime();
      done();
    },
    advanceToNext: () => {
      const next = nextMoment(world);
      if (next === undefined) return false;
      advanceTo(world, Math.max(next, world.now()));
      tellTime();
      done();
      return true;
    },
    setChaos: (chaos) => deliveries.setChaos(chaos),
    addFault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    dispute: (invoiceId) => {
      const invoice = world.store.get('invoice', invoiceId);
      if (!invoice) throw new Error(`there is no invoice ${invoiceId}`);
      const { customer, currency, amount_paid: amount } = invoice;
      const made = { amount, currency, created: world.now(), livemode: false } as const;
      const { id: charge } = world.store.put({
        ...{ id: newId('ch'), object: 'charge', customer, disputed: true, paid: true, status: 'succeeded', ...made },
      });
      // Of whom it is stands in the charge alone.
      world.emit('charge.dispute.created', {
        ...{ id: newId('dp'), object: 'dispute', charge, ...made },
        ...{ reason: 'fraudulent', status: 'needs_response' },
      });
      done();
    },
    redeliver: (eventId) => {
      const event = world.store.get('event', eventId);
      if (event) deliveries.again(event);
    },
    get deliveries() {
      return deliveries.log;
    },
    idle: async (timeoutMs = 20_000) => {
      for (const end = Date.now() + timeoutMs; !deliveries.isIdle(); ) {
        if (Date.now() > end) throw new Error('webhooks are still on their way');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
};

const shareOf = (form: Params, name: string, most: number): number => {
  const value = Number(textOf(form, name) ?? 0);
  if (!Number.isFinite(value)) throw invalid(`${name} must be a number`, name);
  return Math.min(most, Math.max(0, value));
};

const advanceBy = (world: World, control: Control, by: string): void => {
  if (by === 'next') control.advanceToNext();
  else if (by === 'month') control.advance((laterBy(world.now(), 'month') - world.now()) * 1_000);
  else if (/^\d{1,9}$/.test(by)) control.advance(Number(by) * 1_000);
  else throw invalid('by must be next, month or a number of seconds', 'by');
};

/** The dashboard, and its forms: also for `curl`. */
export const serveControl = (
  instance: FastifyInstance,
  { world, deliveries, faults, control }: { world: World; deliveries: Deliveries; faults: Faults; control: Control },
): void => {
  instance.get('/', async (_, reply) => show(reply, dashboardPage(world, deliveries, faults)));
  instance.get('/_sim/deliveries', async (_, reply) => reply.send({ data: deliveries.log }));

  const act = (path: string, work: (form: Params) => void): void => {
    instance.post(`/_sim/${path}`, async (request: FastifyRequest, reply: FastifyReply) => {
      if (isFromElsewhere(request)) return reply.code(403).send({ error: 'another site' });
      try {
        work(formOf(request));
      } catch (error) {
        if (!(error instanceof SimError)) throw error;
        return reply.code(error.status).send(errorBody(error));
      }
      return reply.redirect('/', 303);
    });
  };
  act('advance', (form) => advanceBy(world, control, textOf(form, 'by') ?? ''));
  act('chaos', (form) =>
    control.setChaos({
      ...{ duplicate: shareOf(form, 'duplicate', 1), drop: shareOf(form, 'drop', 1) },
      ...{ delayMs: shareOf(form, 'delayMs', 60_000), reorder: Math.floor(shareOf(form, 'reorder', 1_000)) },
    }),
  );
  act('faults', (form) => {
    const kind = textOf(form, 'kind');
    if (!FAULTS.some((it) => it === kind)) throw invalid(`kind must be one of ${FAULTS.join(', ')}`, 'kind');
    const times = Math.floor(shareOf(form, 'times', 1_000));
    const [method, path] = [textOf(form, 'method') ?? 'POST', textOf(form, 'path') ?? '/v1'];
    control.addFault({ method, path, kind: kind as FaultKind, times });
  });
  act('faults/clear', () => control.clearFaults());
  act('dispute', (form) => {
    const invoice = textOf(form, 'invoice') ?? '';
    if (world.store.get('invoice', invoice)) control.dispute(invoice);
  });
  act('redeliver', (form) => control.redeliver(textOf(form, 'event') ?? ''));
};
