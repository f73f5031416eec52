import { ApiProperty } from '@nestjs/swagger';
import { nullableTime } from './billing-fields';

export class CauseDto {
  @ApiProperty({
    enum: ['stripe', 'reconciliation', 'operator', 'system'],
    description:
      '`stripe`: an event from Stripe. `reconciliation`: a regular comparison with Stripe. `operator`: an operator of the server. `system`: the server itself.',
  })
  readonly kind!: string;
  @ApiProperty({
    ...{ type: String, nullable: true, example: 'evt_1PqYQd' },
    description: 'Id of the event at Stripe. `null`: the cause is not an event from Stripe.',
  })
  readonly event!: string | null;
  @ApiProperty({
    ...{ type: String, nullable: true, example: 'invoice.paid' },
    description:
      'Type of the event, as Stripe names it. `null`: the cause is not an event from Stripe, or the event is not stored any more (after 90 days).',
  })
  readonly type!: string | null;
  @nullableTime('When Stripe created the event', '`type` is `null`')
  readonly createdAt!: string | null;
  @nullableTime('When this server received the event', '`type` is `null`')
  readonly receivedAt!: string | null;
}

export class ReasonDto {
  @ApiProperty({
    example: 'Qk3xG6sX0c1mV2pZr9nYtA',
    description: 'Token of the position of the decision in the event log, which can be sent as `If-Position`.',
  })
  readonly position!: string;
  @ApiProperty({ format: 'date-time', description: 'When the decision was stored (UTC).' })
  readonly at!: string;
  @ApiProperty({ type: CauseDto, description: 'What caused the decision.' })
  readonly cause!: CauseDto;
  @ApiProperty({ example: 'WorkspaceUnlocked', description: 'Type of the event that records the decision.' })
  readonly decision!: string;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description:
      'Data of the event that records the decision. Its fields depend on `decision`; amounts of money are in the smallest unit of the currency.',
  })
  readonly effect!: Record<string, unknown>;
}

export class WhyDto {
  @ApiProperty({ example: 'pro', description: 'Id of the present plan, as in `GET /v1/plans`.' })
  readonly plan!: string;
  @ApiProperty({
    enum: ['none', 'locked', 'suspended'],
    description:
      '`none`: the tenant is not locked. `locked`: writes are blocked. `suspended`: reads are blocked as well.',
  })
  readonly lock!: string;
  @ApiProperty({
    type: [ReasonDto],
    description: 'The last decisions about the plan, the payments and the lock, the newest first, at most 100.',
  })
  readonly data!: ReasonDto[];
}
