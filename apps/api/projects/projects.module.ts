import { Module } from '@nestjs/common';
import { ProjectsController } from './projects.controller';

/** The routes about projects. */
@Module({ controllers: [ProjectsController] })
export class ProjectsModule {}
