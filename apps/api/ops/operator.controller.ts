import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Documented } from '../http/openapi/documented';
import type { SignedInOperator } from '../http/requests/request-context';
import { OperatorDto } from './operator.dto';
import { CurrentOperator, ForOperators } from './operators.decorator';

@ApiTags('Operators')
@ForOperators()
@Controller('ops')
export class OperatorController {
  @Get('operator')
  @Documented({
    id: 'getOperator',
    summary: 'Show the operator of the token',
    description: 'Use it to check whether an operator token is still valid.',
    response: OperatorDto,
  })
  show(@CurrentOperator() { id, name, expiresAt }: SignedInOperator): OperatorDto {
    return { id, name, expiresAt: new Date(expiresAt).toISOString() };
  }
}
