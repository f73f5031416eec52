import { ApiProperty } from '@nestjs/swagger';
import { timeOfUuidv7 } from '#platform/ids/uuid';
import { Text } from '../http/validation/fields';

/** The name of a team. No other team of the tenant may have it, regardless of case and of additional spaces. */
export class TeamNameDto {
  @Text({
    min: 1,
    max: 200,
    example: 'Sales',
    description: 'Unique in the tenant, regardless of case and of additional spaces.',
  })
  name!: string;
}

export class TeamDto {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;
  @ApiProperty({ example: 'Sales' })
  readonly name: string;
  @ApiProperty({ type: [String], description: 'User ids of the members of the team.' })
  readonly memberIds: readonly string[];
  @ApiProperty({ format: 'date-time' })
  readonly createdAt: string;

  constructor({ id, name, memberIds }: Pick<TeamDto, 'id' | 'name' | 'memberIds'>) {
    this.id = id;
    this.name = name;
    this.memberIds = memberIds;
    this.createdAt = new Date(timeOfUuidv7(id)).toISOString();
  }
}

export class TeamPageDto {
  @ApiProperty({ type: [TeamDto] })
  data!: TeamDto[];
  @ApiProperty({ type: String, nullable: true, description: '`null` on the last page.' })
  nextCursor!: string | null;
}
