import type { DomainEvent } from '#domain/events';
import type { TenantEvent } from '#domain/tenant/events';
import { FOUNDING_TERMS } from '#plans/catalogue/index';
import { project, recorded } from '#testing/given-when-then';
import { memberRemoved, teamCreated, tenantWithStaff, USERS } from '#testing/tenant-facts';
import { planLimitsProjection } from './projection';

const tenant_id = '01a20000-0000-7000-8000-0000000000ff';
const commandId = '01a20000-0000-7000-8000-0000000000c1';
const [p1, p2] = ['01a20000-0000-7000-8000-0000000000a1', '01a20000-0000-7000-8000-0000000000a2'] as const;
const [t1, t2, t3] = [
  '01a20000-0000-7000-8000-0000000000b1',
  '01a20000-0000-7000-8000-0000000000b2',
  '01a20000-0000-7000-8000-0000000000b3',
] as const;
const of = (aggregate: string, id: string, event: DomainEvent) =>
  recorded({ ...event, stream: { tenantId: tenant_id, aggregate, id }, commandId });

const created = of('project', p1, { type: 'ProjectCreated', data: { name: 'P', description: '', teamId: null } });
const archived = of('project', p1, { type: 'ProjectArchived', data: {} });
const restored = of('project', p1, { type: 'ProjectRestored', data: {} });
const taskIn = (id: string, projectId: string) =>
  of('task', id, {
    type: 'TaskCreated',
    data: { projectId, title: 'T', description: '', assigneeId: null, dueOn: null },
  });
const task = taskIn(t1, p1);
const deleted = of('task', t1, { type: 'TaskDeleted', data: { projectId: p1 } });
const unit = (unit_id: string, scope_id: string) => ({ tenant_id, unit_id, scope_id, command_id: commandId });

describe('the plan-limits read model', () => {
  it('counts projects in their tenant, and tasks in their project', () =>
    project(planLimitsProjection, created, task).thenRows('plan_units', unit(p1, tenant_id), unit(t1, p1)));
  it('does not count an archived project', () =>
    project(planLimitsProjection, created, archived).thenRemoved('plan_units', { tenant_id, unit_id: p1 }));
  it('counts a restored project', () =>
    project(planLimitsProjection, created, archived, restored).thenRows('plan_units', unit(p1, tenant_id)));
  it('does not count a deleted task', () =>
    project(planLimitsProjection, task, deleted).thenRemoved('plan_units', { tenant_id, unit_id: t1 }));
  it('adds up the seats, teams and projects of a tenant as they are added and removed', () => {
    const counted = (...events: TenantEvent[]) => events.map((event) => of('tenant', tenant_id, event));
    const members = counted(...tenantWithStaff, memberRemoved(USERS.auditor));
    const teams = counted(teamCreated('t1', 'Sales'), teamCreated('t2', 'Support'), {
      ...{ type: 'TeamDeleted', data: { teamId: 't1' } },
    });
    project(planLimitsProjection, ...members, ...teams, created, archived, restored).thenAdded('plan_counts', {
      ...{ key: { tenant_id }, columns: { seats: 3, teams: 1, projects: 1 } },
    });
  });
  it('adds up the tasks of each project', () => {
    const sum = (project_id: string, tasks: number) => ({ key: { tenant_id, project_id }, columns: { tasks } });
    const [second, third] = [taskIn(t2, p1), taskIn(t3, p2)];
    project(planLimitsProjection, task, second, third).thenAdded('plan_tasks', sum(p1, 2), sum(p2, 1));
    project(planLimitsProjection, task, second, deleted).thenAdded('plan_tasks', sum(p1, 1));
  });
  it('has the terms of the last plan', () => {
    const { plan, version, limits, features } = FOUNDING_TERMS;
    const bought = of('tenant', tenant_id, {
      type: 'PlanChanged',
      data: { terms: FOUNDING_TERMS, reason: 'agreed' },
    });
    project(planLimitsProjection, bought).thenRows('plan_terms', {
      ...{ tenant_id, plan, version },
      limits: JSON.stringify(limits),
      features: JSON.stringify(features),
    });
  });
});
