/**
 * The node of a connection string with a single node. Undefined for a cluster, whose nodes are listed with commas or
 * discovered: the client learns their addresses from the cluster itself.
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
