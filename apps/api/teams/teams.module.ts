import { Module } from '@nestjs/common';
import { TeamsController } from './teams.controller';

/** The routes about teams. */
@Module({ controllers: [TeamsController] })
export class TeamsModule {}
