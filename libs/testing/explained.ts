import type { Parameter, Queries, Statement, TenantDb } from '#platform/database/scoped/scoped-db';

/** A node of a query plan, with the names of PostgreSQL's `explain (analyze, format json)`. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly Filter?: string;
  readonly Plans?: readonly PlanNode[];
}

/**
 * Explains each statement of a query, executed for the tenant.
 * @param query receives no rows from its statements
 * @returns the nodes of all plans
 */
export const explainQuery = async (db: TenantDb, query: (spy: TenantDb) => Promise<unknown>): Promise<PlanNode[]> => {
  const statements: [Queries, Statement, readonly Parameter[]][] = [];
  const spyOn = (queries: Queries): Queries => ({
    query: async (statement, values) => {
      statements.push([queries, statement, values]);
      return [];
    },
  });
  await query({ ...db, ...spyOn(db), withUserNames: (found, values) => spyOn(db.withUserNames(found, values)) });
  const nodes: PlanNode[] = [];
  for (const [queries, { name, text }, values] of statements) {
    const statement = { name: `explained-${name}`, text: `explain (analyze, format json) ${text}` };
    const [row] = await queries.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(statement, values);
    const flat = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];
    if (row) nodes.push(...flat(row['QUERY PLAN'][0].Plan));
  }
  return nodes;
};

/**
 * The index of each scan (undefined for a scan of a whole table), with the condition that the index could not apply.
 */
export const scansOf = (nodes: readonly PlanNode[]): (string | undefined)[] =>
  nodes
    .filter((node) => node['Node Type'].includes('Scan'))
    .map((node) => (node.Filter === undefined ? node['Index Name'] : `${node['Index Name']}, then ${node.Filter}`));

/** The names of all indexes that the plans use, and `Seq Scan` if a whole table is read. */
export const indexesOf = (nodes: readonly PlanNode[]): Set<string> =>
  new Set(
    nodes.flatMap((node) => {
      if (node['Node Type'] === 'Seq Scan') return ['Seq Scan'];
      return node['Index Name'] ?? [];
    }),
  );
