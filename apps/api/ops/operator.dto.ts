import { ApiProperty } from '@nestjs/swagger';

export class OperatorDto {
  @ApiProperty({ description: 'Name of the operator, as given to `tenantry operators token`.', example: 'ada' })
  name!: string;

  @ApiProperty({ format: 'date-time', description: 'When the operator token expires (UTC).' })
  expiresAt!: string;
}
