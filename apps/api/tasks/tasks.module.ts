import { Module } from '@nestjs/common';
import { TasksController } from './tasks.controller';

/** The routes about tasks. */
@Module({ controllers: [TasksController] })
export class TasksModule {}
