import { Module } from '@nestjs/common';
import { ProjectsController } from './projects.controller';

/** Projects of a tenant. */
@Module({ controllers: [ProjectsController] })
export class ProjectsModule {}
