import { ApiProperty } from '@nestjs/swagger';
import { timeOfUuidv7 } from '#platform/ids/uuid';
import { PageQuery } from '../http/contract/pages';
import { Choice, Text, Uuid } from '../http/validation/fields';

const NAME = { min: 1, max: 200, description: 'Name of the project.', example: 'Website' };
const DESCRIPTION = {
  min: 0,
  max: 10_000,
  lines: true,
  optional: true,
  description: 'Description of the project. Default: empty.',
};
const TEAM = { optional: true, nullable: true, description: 'Team of the project. `null` if the project has no team.' };

export class CreateProjectDto {
  @Text(NAME)
  name!: string;

  @Text(DESCRIPTION)
  description?: string;

  @Uuid(TEAM)
  teamId?: string | null;
}

/** Fields that are not sent stay unchanged. */
export class ChangeProjectDto {
  @Text({ ...NAME, optional: true })
  name?: string;

  @Text(DESCRIPTION)
  description?: string;

  @Uuid(TEAM)
  teamId?: string | null;
}

export class ProjectsQuery extends PageQuery {
  @Choice(['false', 'true', 'all'], {
    optional: true,
    description: '`false` (default): no archived projects. `true`: only archived projects. `all`: all projects.',
  })
  archived?: 'false' | 'true' | 'all';
}

export class ProjectDto {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;
  @ApiProperty({ example: 'Website' })
  readonly name: string;
  @ApiProperty()
  readonly description: string;
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  readonly teamId: string | null;
  @ApiProperty({ description: 'An archived project and its tasks cannot be changed until it is restored.' })
  readonly archived: boolean;
  @ApiProperty({ format: 'date-time' })
  readonly createdAt: string;

  constructor(project: Omit<ProjectDto, 'createdAt'>) {
    this.id = project.id;
    this.name = project.name;
    this.description = project.description;
    this.teamId = project.teamId;
    this.archived = project.archived;
    this.createdAt = new Date(timeOfUuidv7(project.id)).toISOString();
  }
}

export class ProjectPageDto {
  @ApiProperty({ type: [ProjectDto] })
  data!: ProjectDto[];
  @ApiProperty({ type: String, nullable: true, description: '`null` on the last page.' })
  nextCursor!: string | null;
}
