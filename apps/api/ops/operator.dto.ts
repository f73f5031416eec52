import { ApiProperty } from '@nestjs/swagger';

export class OperatorDto {
  @ApiProperty({ description: 'Who the token was made for.', example: 'ada' })
  name!: string;

  @ApiProperty({ format: 'date-time', description: 'When the token ends.' })
  expiresAt!: string;
}
