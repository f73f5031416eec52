import { ApiProperty } from '@nestjs/swagger';
import { timeOfUuidv7 } from '#platform/ids/uuid';
import { PageQuery } from '../http/contract/pages';
import { Choice, Text, Uuid } from '../http/validation/fields';

const NAME = { min: 1, max: 200, description: 'Name of the project.', example: 'Website' };
const DESCRIPTION = { min: 0, max: 10_000, lines: true, optional: true };
const TEAM = { optional: true, nullable: true };

export class CreateProjectDto {
  @Text(NAME)
  name!: string;

  @Text({ ...DESCRIPTION, description: 'What the project is about, on any number of lines. Default: empty.' })
  description?: string;

  @Uuid({ ...TEAM, description: 'Id of the team of the project. `null` (default): the project has no team.' })
  teamId?: string | null;
}

/** Fields that are not sent stay unchanged. */
export class ChangeProjectDto {
  @Text({ ...NAME, optional: true, description: 'New name of the project. Omit to keep the name.' })
  name?: string;

  @Text({
    ...DESCRIPTION,
    description: 'New description, on any number of lines. Omit to keep it; an empty text removes it.',
  })
  description?: string;

  @Uuid({ ...TEAM, description: 'Id of the new team of the project. Omit to keep the team; `null`: no team.' })
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
  @ApiProperty({ format: 'uuid', description: 'Id of the project. It never changes.' })
  readonly id: string;
  @ApiProperty({ example: 'Website', description: 'Name of the project.' })
  readonly name: string;
  @ApiProperty({ description: 'What the project is about. It can be empty and can have several lines.' })
  readonly description: string;
  @ApiProperty({
    ...{ type: String, format: 'uuid', nullable: true },
    description: 'Id of the team of the project. `null`: the project has no team.',
  })
  readonly teamId: string | null;
  @ApiProperty({
    description: '`true`: the project is archived. It and its tasks cannot be changed until it is restored.',
  })
  readonly archived: boolean;
  @ApiProperty({ format: 'date-time', description: 'When the project was created (UTC).' })
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
  @ApiProperty({ type: [ProjectDto], description: 'The projects of this page, newest first.' })
  data!: ProjectDto[];
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Send it as `cursor` to get the next page. `null` on the last page.',
  })
  nextCursor!: string | null;
}
