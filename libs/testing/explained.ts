import type { Parameter, Statement, TenantDb } from '../platform/database/scoped-db';

/** A step of a plan, as PostgreSQL's `explain (analyze, format json)` names it. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly Filter?: string;
  readonly Plans?: readonly PlanNode[];
}

/**
 * The statements that a query asks, explained as the server carries each out for the tenant.
 * @param query is answered no rows
 */
export const explained = async (db: TenantDb, query: (spy: TenantDb) => Promise<unknown>): Promise<PlanNode[]> => {
  const asked: [Statement, readonly Parameter[]][] = [];
  await query({
    ...db,
    query: async (statement, values) => {
      asked.push([statement, values]);
      return [];
    },
  });
  const nodes: PlanNode[] = [];
  for (const [{ name, text }, values] of asked) {
    const statement = { name: `explained-${name}`, text: `explain (analyze, format json) ${text}` };
    const [row] = await db.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(statement, values);
    const flat = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];
    if (row) nodes.push(...flat(row['QUERY PLAN'][0].Plan));
  }
  return nodes;
};

/** Where rows come from; a condition that the index could not answer is told, too. */
export const scansOf = (nodes: readonly PlanNode[]): (string | undefined)[] =>
  nodes
    .filter((node) => node['Node Type'].includes('Scan'))
    .map((node) => (node.Filter === undefined ? node['Index Name'] : `${node['Index Name']}, then ${node.Filter}`));
