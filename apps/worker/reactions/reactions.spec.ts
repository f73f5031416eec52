import { uuidv7 } from '#platform/ids/uuid';
import { ids, useReactions } from '#test/support/worlds/reactions';

describe.each(['PostgreSQL', 'in-memory'])('the reactions, with the %s log', (kind) => {
  const world = useReactions(kind);
  const {
    startProjections,
    startWorker,
    inTenant,
    created,
    joined,
    ada,
    append,
    task,
    assigned,
    owner,
    settled,
    removed,
    until,
    assigneeOf,
    taskStream,
    tenantId,
    unassignments,
  } = world;

  it('unassign the tasks of a removed member, and no other tasks', async () => {
    startProjections();
    startWorker();
    const [atCreation, later, reassigned, unassigned] = [uuidv7(), uuidv7(), uuidv7(), uuidv7()];
    await inTenant(created, joined(ada));
    await append('task', atCreation, task(ada));
    await append('task', later, task(null), assigned(ada));
    await append('task', reassigned, task(ada), assigned(owner));
    await append('task', unassigned, task(null));
    await settled();
    await inTenant(removed(ada));
    await until(async () => (await assigneeOf(atCreation)) === null && (await assigneeOf(later)) === null);
    await settled();
    expect(await assigneeOf(reassigned)).toBe(owner);
    expect(await world.log.readStream(taskStream(unassigned))).toHaveLength(1);
  });

  it('record the system as the actor, the removal as the cause and the request that removed the member', async () => {
    startProjections();
    startWorker();
    const id = uuidv7();
    await inTenant(created, joined(ada));
    await append('task', id, task(ada));
    await settled();
    await inTenant(removed(ada));
    await until(async () => (await assigneeOf(id)) === null);
    const removal = (await world.log.readStream({ tenantId, aggregate: 'tenant', id: tenantId })).at(-1);
    expect(await unassignments(id)).toMatchObject([
      {
        data: { reason: 'no-member' },
        actor: { kind: 'system' },
        causationId: removal?.id,
        correlationId: 'request-1',
      },
    ]);
  });

  it('unassign a task that is assigned to a user after the user was removed', async () => {
    startProjections();
    startWorker();
    const [one, two] = [uuidv7(), uuidv7()];
    await append('task', two, task(null));
    await inTenant(created, joined(ada), removed(ada));
    await settled();
    await append('task', one, task(ada));
    await append('task', two, assigned(ada));
    await until(async () => (await assigneeOf(one)) === null && (await assigneeOf(two)) === null);
  });

  it('unassign what a user had before a removal, and keep what is assigned after the user joined again', async () => {
    const [before, after, both] = [uuidv7(), uuidv7(), uuidv7()];
    await inTenant(created, joined(ada));
    await append('task', before, task(ada));
    await append('task', both, task(ada));
    await inTenant(removed(ada));
    await inTenant(joined(ada));
    await append('task', after, task(ada));
    await append('task', both, assigned(owner), assigned(ada));
    startProjections();
    startWorker();
    await settled();
    expect(await assigneeOf(before)).toBeNull();
    expect([await assigneeOf(after), await assigneeOf(both)]).toEqual([ada, ada]);
  });

  it('wait for the read model that they query', async () => {
    const id = uuidv7();
    startWorker();
    await inTenant(created, joined(ada));
    await append('task', id, task(ada));
    await settled();
    await inTenant(removed(ada));
    // Long enough for a reaction that does not wait for the read model.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await assigneeOf(id)).toBe(ada);
    startProjections();
    await until(async () => (await assigneeOf(id)) === null);
  });

  it('have the effect of one, however many workers there are and however often they handle the event', async () => {
    startProjections();
    for (let i = 0; i < 3; i++) startWorker();
    const many = ids(60);
    await inTenant(created, joined(ada));
    for (const id of many) await append('task', id, task(ada));
    await inTenant(removed(ada));
    await until(async () => (await assigneeOf(many[5])) === null);
    await settled();
    // A crash, or a restore of older checkpoints, has the same effect.
    await world.pool.query('update reacting.checkpoints set position = 0, holder = $1', [uuidv7()]);
    startWorker();
    await settled();
    for (const id of many) expect(await unassignments(id)).toHaveLength(1);
  });

  it('leave no task with a member who is removed while others assign tasks to the member', async () => {
    startProjections();
    startWorker();
    await inTenant(created, joined(ada));
    const many = ids(40);
    const assigning = many.map(async (id, at) => {
      await new Promise((resolve) => setTimeout(resolve, at));
      await append('task', id, task(ada));
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await inTenant(removed(ada));
    await Promise.all(assigning);
    await settled();
    for (const id of many) expect(await assigneeOf(id)).toBeNull();
  });

  it('change nothing in a tenant that is closed', async () => {
    startProjections();
    const id = uuidv7();
    await inTenant(created);
    await append('task', id, task(owner));
    await inTenant({ type: 'TenantClosed', data: { eraseAfter: '2026-01-01T00:00:00.000Z' } });
    startWorker();
    await settled();
    expect(await assigneeOf(id)).toBe(owner);
  });
});
