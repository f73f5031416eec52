import { Module } from '@nestjs/common';
import { MembersController } from './members.controller';

/** The members of a tenant, and their roles. */
@Module({ controllers: [MembersController] })
export class MembersModule {}
