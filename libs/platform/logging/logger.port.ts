type Log = (fields: Record<string, unknown>, message: string) => void;

/** What parts of the product need of a logger; pino's own logger is one. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}

export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
