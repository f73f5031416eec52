/**
 * The code of a system's or a database's error: `ENOENT`, `ECONNREFUSED`, `23505`. Asked by shape and not by
 * `instanceof`: jest runs specs in a realm of their own, in which Node's errors are no instances of `Error`.
 */
export const codeOf = (error: unknown): string | undefined => {
  if (typeof error !== 'object' || error === null) return undefined;
  // A host name with several addresses: every attempt failed, mostly alike.
  if ('errors' in error && Array.isArray(error.errors)) return codeOf(error.errors[0]);
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
};

/** Nobody listens at an address, or at a socket whose file is not even there. */
export const isConnectionRefused = (error: unknown): boolean => {
  const code = codeOf(error);
  const isConnecting = typeof error === 'object' && error !== null && 'syscall' in error && error.syscall === 'connect';
  return code === 'ECONNREFUSED' || (code === 'ENOENT' && isConnecting);
};
