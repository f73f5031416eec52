import { projectFold } from './project/evolve';
import { taskFold } from './task/evolve';
import { tenantFold } from './tenant/evolve';
import { userFold } from './user/evolve';

const opened = tenantFold.evolve(
  tenantFold.initial,
  { type: 'TenantCreated', data: { name: 'Acme', slug: 'acme', ownerId: '1' } } as never,
  1,
);

const project = { status: 'active', name: 'a', description: '', teamId: null };
const task = {
  ...{ kind: 'present', projectId: '1', title: 'a', description: '', status: 'open', assignment: null, dueOn: null },
};

describe('the state from a snapshot', () => {
  it.each([
    ['a tenant', tenantFold, [tenantFold.initial, { status: 'closed', eraseAfter: '2030-01-01T00:00:00Z' }, opened]],
    ['a user', userFold, [userFold.initial, { status: 'registered' }, { status: 'erased' }]],
    ['a project', projectFold, [projectFold.initial, project, { ...project, status: 'archived', teamId: 'team' }]],
    ['a task', taskFold, [taskFold.initial, { kind: 'deleted' }, task, { ...task, dueOn: '2030-01-01' }]],
  ])('is accepted as a state of %s after it was stored as JSON, and other data is not', (_, fold, states) => {
    for (const state of states) expect(fold.isState(JSON.parse(JSON.stringify(state)))).toBe(true);
    for (const wrong of [undefined, null, 7, 'open', [], {}, { status: 'unknown' }, { kind: 'present' }]) {
      expect(fold.isState(wrong)).toBe(false);
    }
  });

  it('is refused if any field of an open tenant is missing or has another type', () => {
    const state = JSON.parse(JSON.stringify(opened)) as { [key: string]: unknown };
    for (const key of Object.keys(state)) {
      const { [key]: _, ...without } = state;
      expect([key, tenantFold.isState(without)]).toEqual([key, false]);
      expect([key, tenantFold.isState({ ...state, [key]: ['x'] })]).toEqual([key, false]);
    }
    const account = state['account'] as { [key: string]: unknown };
    expect(tenantFold.isState({ ...state, account: { ...account, invoices: undefined } })).toBe(false);
    expect(tenantFold.isState({ ...state, account: null })).toBe(false);
  });

  it.each([
    ['a project', projectFold, project],
    ['a task', taskFold, task],
  ])('is refused if any field of %s is missing, also one that may be null', (_, fold, state) => {
    for (const key of Object.keys(state)) {
      const { [key]: __, ...without } = state as { [key: string]: unknown };
      expect([key, fold.isState(without)]).toEqual([key, false]);
    }
  });
});
