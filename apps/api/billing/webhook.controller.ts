import { Controller, Inject, Post, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { type Mode, readStripeEvent } from '#billing/inbox/stripe-event';
import type { WebhookIntake } from '#billing/inbox/webhook-intake';
import { WEBHOOK_PATH } from '#billing/inbox/webhook-path';
import { BadSignature, verifySignature } from '#billing/inbox/webhook-signature';
import { failpoint } from '#platform/failpoints';
import { Problem } from '#platform/problems';
import { Public } from '../http/contract/public.decorator';
import { Documented } from '../http/openapi/documented';
import type { WithRawBody } from '../http/requests/json-body';

class ReceivedDto {
  @ApiProperty({ example: true, description: 'Always `true`: the event is stored, now or by an earlier request.' })
  readonly received!: boolean;
}

/** What the webhook needs. Null is injected if Stripe is not configured. */
export abstract class Webhook {
  abstract readonly secrets: readonly string[];
  abstract readonly mode: Mode;
  abstract readonly receive: WebhookIntake;
}

/** Receives events from Stripe. An event is stored before the answer is sent, and processed after it. */
@ApiTags('Billing')
@Controller()
export class WebhookController {
  constructor(@Inject(Webhook) private readonly webhook: Webhook | null) {}

  // Without a rate limit, because Stripe sends many events at once. A request without a signature is refused before any
  // work.
  @Post(WEBHOOK_PATH)
  @Public()
  @RouteConfig({ unlimited: true })
  @Documented({
    id: 'receiveStripeEvent',
    storesEvents: false,
    summary: 'Receive an event from Stripe',
    description:
      'Only Stripe calls this route. The header `Stripe-Signature` must have a valid signature of the raw body; otherwise the answer is 400. The server stores the event, answers, and processes the event later. An event that is sent again is stored once.',
    response: ReceivedDto,
    status: 200,
    problems: ['not-found'],
  })
  async receive(@Req() request: FastifyRequest): Promise<ReceivedDto> {
    if (!this.webhook) throw new Problem('not-found', { detail: 'Stripe is not configured on this server.' });
    const { secrets, mode, receive } = this.webhook;
    const body = (request as WithRawBody).rawBody ?? Buffer.alloc(0);
    const signature = request.headers['stripe-signature'];
    try {
      verifySignature(body, typeof signature === 'string' ? signature : '', secrets);
    } catch (error) {
      if (!(error instanceof BadSignature)) throw error;
      throw new Problem('validation-failed', {
        detail: 'The header Stripe-Signature is not valid.',
        errors: [
          {
            pointer: '/header/Stripe-Signature',
            message: 'The signature does not match, or its timestamp is more than 5 minutes off.',
          },
        ],
      });
    }
    await receive(readStripeEvent(body.toString('utf8'), mode));
    failpoint('billing.taken-in');
    return { received: true };
  }
}
