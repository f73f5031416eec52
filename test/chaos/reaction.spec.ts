import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DomainEvent } from '#domain/events';
import type { EventLog } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { uuidv7 } from '#platform/ids/uuid';
import { answeredFailpoint } from '#reacting/delivery/answer-event';
import { endAll, until } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';

const REACTION = 'tasks-of-removed-members';

jest.setTimeout(600_000);

/** The product is killed, as by `kill -9`, after it has answered an event and before it moves the checkpoint. */
describe('a reaction that is interrupted by the death of the process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-failpoints-'));
  const fired = join(folder, 'fired');
  let system: System;
  let log: EventLog;

  beforeAll(async () => {
    system = await openSystem();
    log = createPostgresEventLog({ connectionString: system.databaseUrl });
  });

  afterAll(async () => {
    await endAll();
    await log.close();
    await system.close();
    rmSync(folder, { recursive: true });
  });

  it('is continued by the next process, and has its effect once', async () => {
    const [tenantId, owner, leaver, task] = [uuidv7(), uuidv7(), uuidv7(), uuidv7()];
    const append = (aggregate: string, id: string, ...events: DomainEvent[]): Promise<unknown> =>
      log.append({
        stream: { tenantId, aggregate, id },
        expected: 'any',
        events,
        commandId: uuidv7(),
        actor: { kind: 'user', id: owner },
        correlationId: 'test',
      });
    const unassignments = async (): Promise<number> =>
      (await log.readStream({ tenantId, aggregate: 'task', id: task })).filter(({ type }) => type === 'TaskUnassigned')
        .length;
    const position = async (): Promise<bigint> => {
      const { rows } = await system.owner.query('select position from reacting.checkpoints where reaction = $1', [
        REACTION,
      ]);
      return BigInt(rows[0]?.position ?? 0);
    };

    await append(
      'tenant',
      tenantId,
      { type: 'TenantCreated', data: { name: 'Acme', slug: 'acme', ownerId: owner, plan: 'free' } },
      { type: 'MemberJoined', data: { userId: leaver, role: 'member', invitationId: uuidv7(), use: 1 } },
    );
    await append('task', task, {
      type: 'TaskCreated',
      data: { projectId: uuidv7(), title: 'Choose a colour', description: '', assigneeId: leaver, dueOn: null },
    });
    await append('tenant', tenantId, { type: 'MemberRemoved', data: { userId: leaver, reason: 'removed' } });
    const removal = await log.head();

    // The first event that it answers is the creation of the task, whose assignee is not a member any more.
    const failpoint = answeredFailpoint(REACTION);
    const killed = system.start({
      NODE_ENV: 'test',
      TENANTRY_FAILPOINT: failpoint,
      TENANTRY_FAILPOINT_FILE: fired,
    });
    await killed.ended();
    expect(readFileSync(fired, 'utf8')).toBe(`${failpoint}\n`);
    expect(await unassignments()).toBe(1);
    expect(await position()).toBe(0n);

    const product = system.start();
    await product.ready();
    await until(async () => (await position()) >= removal, 60_000);
    expect(await unassignments()).toBe(1);
    expect(await product.end('SIGTERM')).toBe(0);
  });
});
