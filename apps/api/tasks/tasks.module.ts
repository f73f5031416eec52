import { Module } from '@nestjs/common';
import { TasksController } from './tasks.controller';

/** Tasks of a project. */
@Module({ controllers: [TasksController] })
export class TasksModule {}
