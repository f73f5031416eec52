import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { INBOX_STATES, type InboxEntry, InboxOperations, type InboxState } from '#billing/inbox/inbox-operations';
import { Problem } from '#platform/problems';
import { Documented } from '../http/openapi/documented';
import { notFound } from '../http/problems/not-found';
import { Choice, Integer, Uuid } from '../http/validation/fields';
import { Backfill } from './backfill';
import { ForOperators } from './operators.decorator';

class InboxQuery {
  @Choice(INBOX_STATES, { optional: true, description: 'Default: `parked`.' })
  state?: InboxState;

  @Integer({ min: 1, max: 500, optional: true, description: 'Maximum number of entries. Default: 100.' })
  limit?: number;
}

class ReconcileDto {
  @Uuid({ optional: true, description: 'Tenant to compare. Omit to compare all tenants.' })
  tenantId?: string;
}

class InboxEntryDto {
  @ApiProperty({ example: 'evt_1PqYQd' })
  readonly eventId!: string;
  @ApiProperty({ example: 'invoice.paid' })
  readonly type!: string;
  @ApiProperty({ type: String, nullable: true })
  readonly customerId!: string | null;
  @ApiProperty({ type: String, nullable: true, format: 'uuid' })
  readonly tenantId!: string | null;
  @ApiProperty({ enum: INBOX_STATES })
  readonly state!: string;
  @ApiProperty({ type: String, nullable: true, description: 'Why the event was parked or skipped.' })
  readonly reason!: string | null;
  @ApiProperty({ format: 'date-time', description: 'By Stripe’s clock.' })
  readonly createdAt!: string;
  @ApiProperty({ format: 'date-time' })
  readonly receivedAt!: string;
  @ApiProperty({ type: String, nullable: true, format: 'date-time' })
  readonly handledAt!: string | null;
}

class InboxDto {
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    description: 'Number of events in each state.',
  })
  readonly counts!: Record<string, number>;
  @ApiProperty({ type: [InboxEntryDto] })
  readonly data!: InboxEntryDto[];
}

class AskedDto {
  @ApiProperty({ example: 3, description: 'Number of customers that the workers will compare.' })
  readonly asked!: number;
}

const shown = (it: InboxEntry): InboxEntryDto => ({
  ...{ eventId: it.eventId, type: it.type, customerId: it.customerId, tenantId: it.tenantId },
  ...{ state: it.state, reason: it.reason, createdAt: it.createdAt.toISOString() },
  ...{ receivedAt: it.receivedAt.toISOString(), handledAt: it.handledAt?.toISOString() ?? null },
});

/** What Stripe told, and what of it was put aside. */
@ApiTags('operators')
@ForOperators()
@Controller('ops/billing')
export class OpsBillingController {
  constructor(
    private readonly inbox: InboxOperations,
    private readonly backfill: Backfill,
  ) {}

  @Get('inbox')
  @Documented({ summary: 'List the events received from Stripe, newest first', response: InboxDto })
  async list(@Query() { state = 'parked', limit = 100 }: InboxQuery): Promise<InboxDto> {
    const [counts, entries] = await Promise.all([this.inbox.counts(), this.inbox.list(state, limit)]);
    return { counts: Object.fromEntries(counts.map((it) => [it.state, it.n])), data: entries.map(shown) };
  }

  @Get('inbox/:eventId')
  @Documented({ summary: 'Show an event from Stripe', response: InboxEntryDto })
  async show(@Param('eventId') eventId: string): Promise<InboxEntryDto> {
    const found = await this.inbox.find(eventId);
    if (!found) throw notFound('event');
    return shown(found);
  }

  @Post('inbox/:eventId/retry')
  @HttpCode(204)
  @Documented({ summary: 'Process an event again with fresh data from Stripe', status: 204, problems: ['conflict'] })
  async retry(@Param('eventId') eventId: string): Promise<void> {
    const retried = await this.inbox.retry(eventId);
    if (!retried) throw new Problem('conflict', { detail: 'There is no parked or skipped event with this id.' });
    if (retried.state !== 'pending')
      throw new Problem('conflict', { detail: `The event is ${retried.state} again: ${retried.reason}.` });
  }

  @Post('inbox/:eventId/skip')
  @HttpCode(204)
  @Documented({ summary: 'Skip an event', status: 204, problems: ['conflict'] })
  async skip(@Param('eventId') eventId: string): Promise<void> {
    if (!(await this.inbox.skip(eventId)))
      throw new Problem('conflict', { detail: 'There is no parked event with this id.' });
  }

  @Post('reconcile')
  @HttpCode(202)
  @Documented({ summary: 'Compare subscriptions with Stripe now', status: 202, response: AskedDto })
  async reconcile(@Body() { tenantId }: ReconcileDto): Promise<AskedDto> {
    await this.backfill();
    return { asked: await this.inbox.reconcile(tenantId ?? null) };
  }
}
