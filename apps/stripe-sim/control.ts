import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorBody, invalid, SimError } from './errors';
import { FAULTS, type Fault, type FaultKind, type Faults } from './faults';
import { type Params, textOf } from './form';
import { advanceTo, nextMoment } from './life/time';
import { laterBy, type World } from './life/world';
import { dashboardPage } from './pages/dashboard';
import { formOf, isCrossSite, show } from './pages/serve';
import { newId } from './store/store';
import type { Chaos } from './webhooks/chaos';
import type { Deliveries, Delivery } from './webhooks/deliveries';

/** The actions of tests and of users of the dashboard on the simulator. */
export interface Control {
  /** Seconds since 1970, by the simulated clock. */
  now(): number;
  /** Sets the simulated clock forward. Everything that is due in that time happens. @param ms duration */
  advance(ms: number): void;
  /** Sets the simulated clock forward to the next scheduled action. @returns false if none is scheduled */
  advanceToNext(): boolean;
  /** Sets the faults of webhook deliveries. Values that are left out become 0. */
  setChaos(chaos: Partial<Chaos>): void;
  addFault(fault: Fault): void;
  clearFaults(): void;
  /** The bank of a customer disputes the payment of an invoice. @throws Error there is no such invoice */
  dispute(invoiceId: string): void;
  /** Sends a webhook again. Does nothing if there is no such event. */
  redeliver(eventId: string): void;
  /** The last 500 deliveries. */
  readonly deliveries: readonly Delivery[];
  /** Resolves when no webhook is being sent or waits to be sent. Rejects after `timeoutMs`; 20,000 by default. */
  idle(timeoutMs?: number): Promise<void>;
}

export const createControl = (world: World, deliveries: Deliveries, faults: Faults): Control => {
  const commit = (): void => world.store.commit();
  /** Creates the event that Stripe creates when a test clock was set forward. */
  const emitTime = (): void => {
    const clock = { id: newId('clock'), object: 'test_helpers.test_clock', frozen_time: world.now(), status: 'ready' };
    world.emit('test_helpers.test_clock.ready', clock);
  };
  return {
    now: world.now,
    advance: (ms) => {
      advanceTo(world, world.now() + Math.floor(ms / 1_000));
      emitTime();
      commit();
    },
    advanceToNext: () => {
      const next = nextMoment(world);
      if (next === undefined) return false;
      advanceTo(world, Math.max(next, world.now()));
      emitTime();
      commit();
      return true;
    },
    setChaos: (chaos) => deliveries.setChaos(chaos),
    addFault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    dispute: (invoiceId) => {
      const invoice = world.store.get('invoice', invoiceId);
      if (!invoice) throw new Error(`there is no invoice ${invoiceId}`);
      const { customer, currency, amount_paid: amount } = invoice;
      const common = { amount, currency, created: world.now(), livemode: false } as const;
      const { id: charge } = world.store.put({
        ...{ id: newId('ch'), object: 'charge', customer, disputed: true, paid: true, status: 'succeeded', ...common },
      });
      // As with Stripe, the event of a dispute names the charge and not the customer.
      world.emit('charge.dispute.created', {
        ...{ id: newId('dp'), object: 'dispute', charge, ...common },
        ...{ reason: 'fraudulent', status: 'needs_response' },
      });
      commit();
    },
    redeliver: (eventId) => {
      const event = world.store.get('event', eventId);
      if (event) deliveries.deliverAgain(event);
    },
    get deliveries() {
      return deliveries.log;
    },
    idle: async (timeoutMs = 20_000) => {
      for (const end = Date.now() + timeoutMs; !deliveries.isIdle(); ) {
        if (Date.now() > end) throw new Error(`webhooks were still being sent after ${timeoutMs} ms`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
};

/** A number of a form from 0 to `max`; 0 if it is missing. @throws SimError it is not a number */
const amountOf = (form: Params, name: string, max: number): number => {
  const value = Number(textOf(form, name) ?? 0);
  if (!Number.isFinite(value)) throw invalid(`${name} must be a number`, name);
  return Math.min(max, Math.max(0, value));
};

const advanceBy = (world: World, control: Control, by: string): void => {
  if (by === 'next') control.advanceToNext();
  else if (by === 'month') control.advance((laterBy(world.now(), 'month') - world.now()) * 1_000);
  else if (/^\d{1,9}$/.test(by)) control.advance(Number(by) * 1_000);
  else throw invalid('by must be next, month or a number of seconds', 'by');
};

/** Serves the dashboard and its forms, which `curl` can send, too. */
export const serveControl = (
  instance: FastifyInstance,
  { world, deliveries, faults, control }: { world: World; deliveries: Deliveries; faults: Faults; control: Control },
): void => {
  instance.get('/', async (_, reply) => show(reply, dashboardPage(world, deliveries, faults)));
  instance.get('/_sim/deliveries', async (_, reply) => reply.send({ data: deliveries.log }));

  const serveForm = (path: string, apply: (form: Params) => void): void => {
    instance.post(`/_sim/${path}`, async (request: FastifyRequest, reply: FastifyReply) => {
      if (isCrossSite(request)) return reply.code(403).send({ error: 'the form was sent by another site' });
      try {
        apply(formOf(request));
      } catch (error) {
        if (!(error instanceof SimError)) throw error;
        return reply.code(error.status).send(errorBody(error));
      }
      return reply.redirect('/', 303);
    });
  };
  serveForm('advance', (form) => advanceBy(world, control, textOf(form, 'by') ?? ''));
  serveForm('chaos', (form) =>
    control.setChaos({
      ...{ duplicate: amountOf(form, 'duplicate', 1), drop: amountOf(form, 'drop', 1) },
      ...{ delayMs: amountOf(form, 'delayMs', 60_000), reorder: Math.floor(amountOf(form, 'reorder', 1_000)) },
    }),
  );
  serveForm('faults', (form) => {
    const kind = textOf(form, 'kind');
    if (!FAULTS.some((it) => it === kind)) throw invalid(`kind must be one of ${FAULTS.join(', ')}`, 'kind');
    const times = Math.floor(amountOf(form, 'times', 1_000));
    const [method, path] = [textOf(form, 'method') ?? 'POST', textOf(form, 'path') ?? '/v1'];
    control.addFault({ method, path, kind: kind as FaultKind, times });
  });
  serveForm('faults/clear', () => control.clearFaults());
  serveForm('dispute', (form) => {
    const invoice = textOf(form, 'invoice') ?? '';
    if (world.store.get('invoice', invoice)) control.dispute(invoice);
  });
  serveForm('redeliver', (form) => control.redeliver(textOf(form, 'event') ?? ''));
};
