import { Module } from '@nestjs/common';
import { TeamsController } from './teams.controller';

/** Teams within a tenant. */
@Module({ controllers: [TeamsController] })
export class TeamsModule {}
