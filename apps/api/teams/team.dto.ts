import { ApiProperty } from '@nestjs/swagger';
import { timeOfUuidv7 } from '#platform/ids/uuid';
import { Text } from '../http/validation/fields';

export class TeamNameDto {
  @Text({
    ...{ min: 1, max: 200, example: 'Sales' },
    description:
      'Name of the team. No other team of the tenant may have it; upper and lower case do not matter. Otherwise the answer is 409.',
  })
  name!: string;
}

export class TeamDto {
  @ApiProperty({ format: 'uuid', description: 'Id of the team. It never changes.' })
  readonly id: string;
  @ApiProperty({ example: 'Sales', description: 'Name of the team.' })
  readonly name: string;
  @ApiProperty({ type: [String], description: 'User ids of the members of the team.' })
  readonly memberIds: readonly string[];
  @ApiProperty({ format: 'date-time', description: 'When the team was created (UTC).' })
  readonly createdAt: string;

  constructor({ id, name, memberIds }: Pick<TeamDto, 'id' | 'name' | 'memberIds'>) {
    this.id = id;
    this.name = name;
    this.memberIds = memberIds;
    this.createdAt = new Date(timeOfUuidv7(id)).toISOString();
  }
}

export class TeamPageDto {
  @ApiProperty({ type: [TeamDto], description: 'The teams of this page, newest first.' })
  data!: TeamDto[];
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Send it as `cursor` to get the next page. `null` on the last page.',
  })
  nextCursor!: string | null;
}
