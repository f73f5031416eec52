import { Body, Controller, Get, Param, Post, Query, Req } from '@nestjs/common';
import { ApiParam, ApiProperty, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { INBOX_STATES, type InboxEntry, InboxOperations, type InboxState } from '#billing/inbox/inbox-operations';
import { MAX_REASON } from '#identity/operators/operators';
import { Problem } from '#platform/problems';
import { Documented } from '../http/openapi/documented';
import { notFound } from '../http/problems/not-found';
import { Choice, Integer, Text, Uuid } from '../http/validation/fields';
import { Backfill } from './backfill';
import { OperatorLog } from './operator-log';
import { ForOperators } from './operators.decorator';

class InboxQuery {
  @Choice(INBOX_STATES, {
    optional: true,
    description:
      'Only events in this state. Default: `parked`. `pending`: waits for processing. `handled`: processed. `ignored`: of a type that the server does not use. `quarantined`: cannot be understood, such as an unknown customer. `parked`: its processing has failed for a day. `skipped`: an operator has decided not to process it.',
  })
  state?: InboxState;

  @Integer({ min: 1, max: 500, optional: true, description: 'Maximum number of entries in the answer. Default: 100.' })
  limit?: number;
}

class OperatorReasonDto {
  @Text({ max: MAX_REASON, description: 'Why you do this. It is stored in the event log and cannot be changed later.' })
  reason!: string;
}

class ReconcileDto extends OperatorReasonDto {
  @Uuid({ optional: true, description: 'Id of the tenant to compare with Stripe. Omit to compare all tenants.' })
  tenantId?: string;
}

class InboxEntryDto {
  @ApiProperty({ example: 'evt_1PqYQd', description: 'Id of the event at Stripe.' })
  readonly eventId!: string;
  @ApiProperty({ example: 'invoice.paid', description: 'Type of the event, as Stripe names it.' })
  readonly type!: string;
  @ApiProperty({
    ...{ type: String, nullable: true, example: 'cus_QXg1o8vcGmoR32' },
    description: 'Id of the customer at Stripe. `null`: the event names no customer.',
  })
  readonly customerId!: string | null;
  @ApiProperty({
    ...{ type: String, nullable: true, format: 'uuid' },
    description: 'Tenant of that customer. `null`: the customer belongs to no known tenant.',
  })
  readonly tenantId!: string | null;
  @ApiProperty({
    enum: INBOX_STATES,
    description:
      '`pending`: waits for processing. `handled`: processed. `ignored`: of a type that the server does not use. `quarantined`: cannot be understood. `parked`: its processing has failed for a day. `skipped`: an operator has decided not to process it.',
  })
  readonly state!: string;
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Why the event has this state, such as the last error. `null`: there is nothing to report.',
  })
  readonly reason!: string | null;
  @ApiProperty({ format: 'date-time', description: 'When Stripe created the event (UTC).' })
  readonly createdAt!: string;
  @ApiProperty({ format: 'date-time', description: 'When this server received the event (UTC).' })
  readonly receivedAt!: string;
  @ApiProperty({
    ...{ type: String, nullable: true, format: 'date-time' },
    description: 'When the event was processed or skipped (UTC). `null`: neither has happened.',
  })
  readonly handledAt!: string | null;
}

class InboxDto {
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    description: 'Number of stored events in each state. A state without events is missing.',
  })
  readonly counts!: Record<string, number>;
  @ApiProperty({ type: [InboxEntryDto], description: 'The events that match the query, newest first.' })
  readonly data!: InboxEntryDto[];
}

class ReconciliationDto {
  @ApiProperty({ example: 3, description: 'Number of Stripe customers that the workers will compare.' })
  readonly asked!: number;
}

const EVENT_ID = { name: 'eventId', description: 'Id of the event at Stripe, such as `evt_1PqYQd`.' };

const toDto = (it: InboxEntry): InboxEntryDto => ({
  ...{ eventId: it.eventId, type: it.type, customerId: it.customerId, tenantId: it.tenantId },
  ...{ state: it.state, reason: it.reason, createdAt: it.createdAt.toISOString() },
  ...{ receivedAt: it.receivedAt.toISOString(), handledAt: it.handledAt?.toISOString() ?? null },
});

/** The events that Stripe has sent, with those that could not be processed. */
@ApiTags('Operators')
@ForOperators()
@Controller('ops/billing')
export class OpsBillingController {
  constructor(
    private readonly inbox: InboxOperations,
    private readonly backfill: Backfill,
    private readonly log: OperatorLog,
  ) {}

  @Get('inbox')
  @Documented({
    id: 'listStripeEvents',
    summary: 'List the events received from Stripe, newest first',
    description: 'Without a query, the answer has the parked events: those that could not be processed for a day.',
    response: InboxDto,
  })
  async list(@Query() { state = 'parked', limit = 100 }: InboxQuery): Promise<InboxDto> {
    const [counts, entries] = await Promise.all([this.inbox.counts(), this.inbox.list(state, limit)]);
    return { counts: Object.fromEntries(counts.map((it) => [it.state, it.n])), data: entries.map(toDto) };
  }

  @Get('inbox/:eventId')
  @ApiParam(EVENT_ID)
  @Documented({
    id: 'getStripeEvent',
    summary: 'Show an event received from Stripe',
    description: 'The answer is 404 if this server has not received an event with this id.',
    response: InboxEntryDto,
  })
  async show(@Param('eventId') eventId: string): Promise<InboxEntryDto> {
    const entry = await this.inbox.find(eventId);
    if (!entry) throw notFound('event');
    return toDto(entry);
  }

  @Post('inbox/:eventId/retry')
  @ApiParam(EVENT_ID)
  @Documented({
    id: 'retryStripeEvent',
    storesEvents: false,
    summary: 'Process an event again with fresh data from Stripe',
    description:
      'Use it for a parked, quarantined or skipped event. With any other event the answer is 409, and no action is needed. It is also 409 if the event still cannot be understood: correct the cause in `detail` first.',
    status: 204,
    problems: ['conflict'],
  })
  async retry(
    @Param('eventId') eventId: string,
    @Body() { reason }: OperatorReasonDto,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    const known = await this.record(request, 'billing.retry', eventId, reason);
    const retried = known && (await this.inbox.retry(eventId));
    if (!retried)
      throw new Problem('conflict', {
        detail:
          'There is no parked, quarantined or skipped event with this id. Check the id and the state of the event.',
      });
    if (retried.state !== 'pending')
      throw new Problem('conflict', {
        detail: `The event is ${retried.state} again: ${retried.reason}. Correct the cause, then retry the event.`,
      });
  }

  @Post('inbox/:eventId/skip')
  @ApiParam(EVENT_ID)
  @Documented({
    id: 'skipStripeEvent',
    storesEvents: false,
    summary: 'Skip an event: do not process it',
    description:
      'Use it for a pending, parked or quarantined event. It can be processed later with `retry`. With any other event the answer is 409, and no action is needed.',
    status: 204,
    problems: ['conflict'],
  })
  async skip(
    @Param('eventId') eventId: string,
    @Body() { reason }: OperatorReasonDto,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    const known = await this.record(request, 'billing.skip', eventId, reason);
    if (!known || !(await this.inbox.skip(eventId)))
      throw new Problem('conflict', {
        detail:
          'There is no pending, parked or quarantined event with this id. Check the id and the state of the event.',
      });
  }

  @Post('reconcile')
  @Documented({
    id: 'reconcileBilling',
    storesEvents: false,
    summary: 'Compare subscriptions with Stripe now',
    description:
      'Workers read the subscriptions at Stripe and correct the differences after the answer. They do the same every fifteen minutes without a request.',
    status: 202,
    response: ReconciliationDto,
  })
  async reconcile(
    @Body() { tenantId: only, reason }: ReconcileDto,
    @Req() request: FastifyRequest,
  ): Promise<ReconciliationDto> {
    const tenantId = only ?? null;
    await this.log.record(request, { action: 'billing.reconcile', target: null, tenantId, reason });
    await this.backfill();
    return { asked: await this.inbox.reconcile(tenantId) };
  }

  /** @returns false, without a record, if this server has not received the event */
  private async record(
    request: FastifyRequest,
    action: 'billing.retry' | 'billing.skip',
    eventId: string,
    reason: string,
  ): Promise<boolean> {
    const entry = await this.inbox.find(eventId);
    if (!entry) return false;
    await this.log.record(request, { action, target: eventId, tenantId: entry.tenantId, reason });
    return true;
  }
}
