import 'reflect-metadata';
import { Body, Controller, Inject, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Pool } from 'pg';
import { asChild } from '../children';

export interface BareInput {
  readonly url: string;
  readonly connections: number;
}

/** The minimum of a durable write over HTTP with this framework: each request is one prepared insert and one commit. */
@Controller()
class BareController {
  constructor(@Inject(Pool) private readonly pool: Pool) {}

  @Post('bare')
  async insert(@Body() body: unknown): Promise<unknown> {
    const { rows } = await this.pool.query({
      name: 'insert',
      text: 'insert into bare (data) values ($1) returning id',
      values: [JSON.stringify(body)],
    });
    return rows[0];
  }
}

/** A process that serves this application. Its result is the URL. */
asChild<BareInput, string>(async ({ url, connections }) => {
  const pool = new Pool({ connectionString: url, max: connections });
  await pool.query('create table bare (id bigint generated always as identity primary key, data json not null)');

  @Module({ controllers: [BareController], providers: [{ provide: Pool, useValue: pool }] })
  class BareModule {}

  const app = await NestFactory.create<NestFastifyApplication>(BareModule, new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  return () => app.getUrl();
});
