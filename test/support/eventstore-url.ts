/**
 * The one node that a connection string names; undefined for a cluster, whose nodes are listed with commas (which is no
 * URL) or discovered, and tell the client their own addresses.
 */
export const singleNodeOf = (
  connectionString: string,
): { readonly host: string; readonly port: number } | undefined => {
  const [, scheme, authority = ''] = /^([^:]+):\/\/([^/?]*)/.exec(connectionString) ?? [];
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (scheme !== 'esdb' || host === '' || host.includes(',')) return undefined;
  const { hostname, port } = new URL(`esdb://${host}`);
  return { host: hostname, port: Number(port || 2113) };
};
