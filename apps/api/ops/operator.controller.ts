import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Operator } from '../../../libs/identity/operator-tokens';
import { Documented } from '../http/openapi/documented';
import { OperatorDto } from './operator.dto';
import { Operators, TheOperator } from './operators.decorator';

@ApiTags('operators')
@Operators()
@Controller('ops')
export class OperatorController {
  @Get('operator')
  @Documented({ summary: 'Show the operator of the token', response: OperatorDto })
  show(@TheOperator() { name, expiresAt }: Operator): OperatorDto {
    return { name, expiresAt: new Date(expiresAt).toISOString() };
  }
}
