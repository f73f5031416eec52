import { ApiProperty } from '@nestjs/swagger';
import { Choice, Integer, Timestamp, WebUrl } from '../http/validation/fields';
import { MINOR_UNITS } from './billing-fields';

const MAX_SEATS = 10_000;
const SOLD = ['pro', 'enterprise'] as const;
const TARGETS = ['free', ...SOLD] as const;

const ALLOWED_ORIGIN = 'The server setting BILLING_RETURN_ORIGINS must list its origin; otherwise the answer is 400.';

export class CheckoutDto {
  @Choice(SOLD, { description: 'Id of the plan to buy, as in `GET /v1/plans`.' })
  plan!: (typeof SOLD)[number];

  @Integer({
    min: 1,
    max: MAX_SEATS,
    optional: true,
    description:
      'Total number of seats, at least as many as the plan includes (`limits.seats` of the plan). Omit to buy only the included seats. Must be omitted for a plan that sells no extra seats (`seatPrice` is `null`).',
  })
  seats?: number;

  @WebUrl({ description: `URL to which the browser returns after the payment. ${ALLOWED_ORIGIN}` })
  successUrl!: string;

  @WebUrl({
    description: `URL to which the browser returns if the owner leaves checkout without paying. ${ALLOWED_ORIGIN}`,
  })
  cancelUrl!: string;
}

export class PortalDto {
  @WebUrl({ description: `URL to which the browser returns after the visit to the portal. ${ALLOWED_ORIGIN}` })
  returnUrl!: string;
}

export class RedirectDto {
  @ApiProperty({ format: 'uri', description: 'URL of the page at Stripe. Open it in the browser of the owner.' })
  readonly url!: string;
}

export class ChangeDto {
  @Choice(TARGETS, {
    description:
      'Id of the plan to change to, as in `GET /v1/plans`. `free` ends the subscription at the end of the paid period; the other plans start at once.',
  })
  plan!: (typeof TARGETS)[number];

  @Integer({
    min: 1,
    max: MAX_SEATS,
    optional: true,
    description:
      'Total number of seats, at least as many as the plan includes. Omit to keep the present number. Must be omitted for a plan that sells no extra seats (`seatPrice` is `null`).',
  })
  seats?: number;

  @Timestamp({
    optional: true,
    description:
      'Field `at` of a preview from the last 24 hours, as an RFC 3339 time with an offset. The change then costs exactly what that preview showed. Omit it to calculate the cost at the present time.',
  })
  previewedAt?: string;
}

export class ChangeQuery {
  @Choice(['true', 'false'], {
    optional: true,
    description:
      '`true`: return the cost, and the resources whose use would exceed the new limits, without changing anything. `false` (default): make the change.',
  })
  preview?: 'true' | 'false';
}

export class ExceededLimitDto {
  @ApiProperty({ example: 'projects', description: 'The limited resource, as in `GET /v1/usage`.' })
  readonly resource!: string;
  @ApiProperty({ example: 5, description: 'Present use of the resource, as in `GET /v1/usage`.' })
  readonly used!: number;
  @ApiProperty({ example: 3, description: 'Highest number that the new plan allows.' })
  readonly limit!: number;
  @ApiProperty({
    type: [String],
    description:
      'Ids of the projects that could only be read and archived after the change, the oldest first, at most 100. Empty for other resources.',
  })
  readonly readOnly!: string[];
}

export class ChangePreviewDto {
  @ApiProperty({ example: 'pro', description: 'Id of the plan after the change, as in `GET /v1/plans`.' })
  readonly plan!: string;
  @ApiProperty({
    type: Number,
    nullable: true,
    description:
      'Total number of paid seats after the change. `null`: no seats are sold with the plan, because it is free or does not limit seats.',
  })
  readonly seats!: number | null;
  @ApiProperty({
    example: 3_100,
    description: `Amount that is charged now, with overdue invoices. ${MINOR_UNITS}`,
  })
  readonly dueNow!: number;
  @ApiProperty({
    example: 0,
    description: `Part of \`dueNow\` that pays overdue invoices. It is paid before the change. ${MINOR_UNITS}`,
  })
  readonly overdue!: number;
  @ApiProperty({
    example: 0,
    description: `Credit for the unused part of the paid period, which reduces later invoices. ${MINOR_UNITS}`,
  })
  readonly credited!: number;
  @ApiProperty({
    example: 4_900,
    description: `Amount of each later period, before credits. 0: the plan is \`free\`. ${MINOR_UNITS}`,
  })
  readonly recurring!: number;
  @ApiProperty({
    ...{ type: String, example: 'EUR', nullable: true },
    description:
      'Currency of all amounts, as an ISO 4217 code. `null`: nothing is charged, because the plan is `free`.',
  })
  readonly currency!: string | null;
  @ApiProperty({
    format: 'date-time',
    description:
      'Time for which the cost was calculated (UTC). Send it as `previewedAt` with the change to pay exactly this amount.',
  })
  readonly at!: string;
  @ApiProperty({
    format: 'date-time',
    description:
      'When the change takes effect (UTC): for the plan `free` at the end of the paid period, otherwise at the time in `at`.',
  })
  readonly effectiveAt!: string;
  @ApiProperty({
    type: [ExceededLimitDto],
    description:
      'Resources whose use exceeds the limits of the new plan. The change deletes nothing, but no more of these resources can be added or used.',
  })
  readonly misfits!: ExceededLimitDto[];
}
