import type { Parameter, Queries, Statement, TenantDb } from '#platform/database/scoped/scoped-db';

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
  const asked: [Queries, Statement, readonly Parameter[]][] = [];
  const spyOn = (queries: Queries): Queries => ({
    query: async (statement, values) => {
      asked.push([queries, statement, values]);
      return [];
    },
  });
  await query({ ...db, ...spyOn(db), people: (found, values) => spyOn(db.people(found, values)) });
  const nodes: PlanNode[] = [];
  for (const [queries, { name, text }, values] of asked) {
    const statement = { name: `explained-${name}`, text: `explain (analyze, format json) ${text}` };
    const [row] = await queries.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(statement, values);
    const flat = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];
    if (row) nodes.push(...flat(row['QUERY PLAN'][0].Plan));
  }
  return nodes;
};

/** Where rows come from; conditions that the index could not answer are included. */
export const scansOf = (nodes: readonly PlanNode[]): (string | undefined)[] =>
  nodes
    .filter((node) => node['Node Type'].includes('Scan'))
    .map((node) => (node.Filter === undefined ? node['Index Name'] : `${node['Index Name']}, then ${node.Filter}`));

/** By what the rows of every step were found; a step that reads a whole table has the name of the table. */
export const indexesOf = (nodes: readonly PlanNode[]): Set<string> =>
  new Set(
    nodes.flatMap((node) => {
      if (node['Node Type'] === 'Seq Scan') return ['Seq Scan'];
      return node['Index Name'] ?? [];
    }),
  );
