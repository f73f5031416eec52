import { ApiProperty } from '@nestjs/swagger';

export class OperatorDto {
  @ApiProperty({ description: 'Name of the operator.', example: 'ada' })
  name!: string;

  @ApiProperty({ format: 'date-time', description: 'When the token expires.' })
  expiresAt!: string;
}
