import { ApiProperty } from '@nestjs/swagger';

export class OperatorDto {
  @ApiProperty({ format: 'uuid', description: 'Id of the operator. The event log names operators by it.' })
  id!: string;

  @ApiProperty({ description: 'Name of the operator, as given to `tenantry operators add`.', example: 'ada' })
  name!: string;

  @ApiProperty({ format: 'date-time', description: 'When the operator token expires (UTC).' })
  expiresAt!: string;
}
