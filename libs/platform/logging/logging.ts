import { type Logger, pino, stdSerializers } from 'pino';

export type { Logger } from 'pino';

export interface LoggingOptions {
  readonly level: string;
  /** `auto`: pretty on a terminal, otherwise JSON. */
  readonly format: 'auto' | 'json' | 'pretty';
  /** Called with each whole line. By default, lines are written to standard output. */
  readonly write?: (line: string) => void;
}

/**
 * Logs one line for each message, as JSON or as readable text. No line shows a password, a token, a cookie or the
 * credentials in a URL, whatever the caller passed: they are removed from the finished line.
 */
export const createLogger = ({ level, format, write }: LoggingOptions): Logger => {
  const pretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY === true);
  const out = write ?? writer();
  return pino(
    {
      level,
      base: pretty ? null : { pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.err, error: stdSerializers.err },
    },
    { write: (line: string) => out(pretty ? readable(redact(line)) : redact(line)) },
  );
};

/** Writes synchronously, so that the last lines before the end of the process are not lost. */
const writer = (): ((line: string) => void) => {
  const destination = pino.destination({ fd: 1, sync: true });
  // If the reader of the output has ended (`npm start | head`), the process continues without its log.
  destination.on('error', () => undefined);
  return (line) => {
    destination.write(line);
  };
};

const SECRET_FIELD =
  /"([\w.-]*(?:password|passwd|secret|authorization|cookie|token|api[_-]?key)[\w.-]*)":("(?:[^"\\]|\\.)*"|\[[^\]]*\])/gi;
// The repetition has a maximum because it can begin at any place of a line, and lines may be long.
const URL_CREDENTIALS = /:\/\/[^\s/?#"@]{1,500}@/g;
const BEARER = /\b(Bearer|Basic) +[\w.~+/=-]{16,}/gi;
const INVITATION = /(\/invitations\/preview\/|\/join\/)[^/\s"?]+/g;
/** A part of a path that is as long as a token, also in a path that does not exist. A UUID is shorter. */
const TOKEN_IN_PATH = /\/[\w.%-]{40,}(?=["/?#\s]|$)/g;

/** The line without secrets. */
export const redact = (line: string): string =>
  line
    .replace(SECRET_FIELD, '"$1":"[redacted]"')
    .replace(URL_CREDENTIALS, '://[redacted]@')
    .replace(BEARER, '$1 [redacted]')
    .replace(INVITATION, '$1[redacted]')
    .replace(TOKEN_IN_PATH, '/[redacted]');

const COLOURS: Record<string, number> = { trace: 90, debug: 90, info: 32, warn: 33, error: 31, fatal: 31 };

const paint = (colour: number, text: string): string =>
  process.stdout.isTTY && !process.env['NO_COLOR'] ? `\u001b[${colour}m${text}\u001b[0m` : text;

const readable = (line: string): string => {
  const { level, time, msg, err, error, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const colour = COLOURS[String(level)] ?? 0;
  const label = paint(colour, String(level).toUpperCase().padEnd(5));
  const fields = Object.entries(rest).map(
    ([name, value]) => ` ${paint(90, `${name}=`)}${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const cause = err ?? error;
  const stack = isErrorLike(cause) ? `\n  ${(cause.stack ?? cause.message).replaceAll('\n', '\n  ')}` : '';
  return `${String(time).slice(11, 23)} ${label} ${String(msg ?? '')}${fields.join('')}${stack}\n`;
};

const isErrorLike = (value: unknown): value is { message: string; stack?: string } =>
  typeof value === 'object' && value !== null && 'message' in value;
