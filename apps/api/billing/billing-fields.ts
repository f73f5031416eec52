import { ApiProperty } from '@nestjs/swagger';

/** Completes the description of an amount of money. */
export const MINOR_UNITS = 'In the smallest unit of `currency`: 4900 is 49.00 EUR.';

/** A time of a read model as it is in answers. */
export const timeOf = (date: Date | null): string | null => date?.toISOString() ?? null;

/**
 * A field of an answer that is a time or null.
 * @param meaning what the time is, without a period at the end
 * @param whenNull what null says, without a period at the end
 * @param note a further sentence
 */
export const nullableTime = (meaning: string, whenNull: string, note?: string): PropertyDecorator => {
  const sentences = [`${meaning} (UTC).`, ...(note === undefined ? [] : [note]), `\`null\`: ${whenNull}.`];
  return ApiProperty({ type: String, format: 'date-time', nullable: true, description: sentences.join(' ') });
};
