import { Module } from '@nestjs/common';
import { MembersController } from './members.controller';

/** The routes about members. */
@Module({ controllers: [MembersController] })
export class MembersModule {}
