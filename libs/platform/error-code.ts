/**
 * The code of an error of the operating system or the database, such as `ENOENT`, `ECONNREFUSED` or `23505`; undefined
 * if it has none. It is read without `instanceof`, because jest runs specs in a separate realm, in which Node's errors
 * are not instances of `Error`.
 */
export const codeOf = (error: unknown): string | undefined => {
  if (typeof error !== 'object' || error === null) return undefined;
  // For a host name with several addresses, Node throws an AggregateError with one error for each of them.
  if ('errors' in error && Array.isArray(error.errors)) return codeOf(error.errors[0]);
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
};

/** True if no process listens at the address or the socket; the file of the socket may not exist. */
export const isConnectionRefused = (error: unknown): boolean => {
  const code = codeOf(error);
  const isConnecting = typeof error === 'object' && error !== null && 'syscall' in error && error.syscall === 'connect';
  return code === 'ECONNREFUSED' || (code === 'ENOENT' && isConnecting);
};
