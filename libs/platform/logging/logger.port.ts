type Log = (fields: Record<string, unknown>, message: string) => void;

/** The logger that the product uses. A logger of pino is one. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}

export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
