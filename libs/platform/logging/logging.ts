import { type Logger, pino, stdSerializers } from 'pino';

export type { Logger } from 'pino';

export interface LoggingOptions {
  readonly level: string;
  /** `auto`: pretty on a terminal, else JSON. */
  readonly format: 'auto' | 'json' | 'pretty';
  /** Takes whole lines; standard output by default. */
  readonly write?: (line: string) => void;
}

/**
 * Logs lines of JSON, or one readable line each. Whatever the call site passed, at any depth, no line shows a
 * password, a token, a cookie or the credentials in a URL: they are taken out of the finished line.
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

/** Written at once: the last lines before an end are the ones that matter. */
const writer = (): ((line: string) => void) => {
  const destination = pino.destination({ fd: 1, sync: true });
  // A reader that has gone (`npm start | head`) is no reason to stop serving.
  destination.on('error', () => undefined);
  return (line) => {
    destination.write(line);
  };
};

const SECRET_FIELD =
  /"([\w.-]*(?:password|passwd|secret|authorization|cookie|token|api[_-]?key)[\w.-]*)":("(?:[^"\\]|\\.)*"|\[[^\]]*\])/gi;
// Every repetition that can begin anywhere is bounded: a line may be long.
const URL_CREDENTIALS = /:\/\/[^\s/?#"@]{1,500}@/g;
const BEARER = /\b(Bearer|Basic) +[\w.~+/=-]{16,}/gi;
const INVITATION = /(\/invitations\/preview\/|\/join\/)[^/\s"?]+/g;

/** The line without secrets. */
export const redact = (line: string): string =>
  line
    .replace(SECRET_FIELD, '"$1":"[redacted]"')
    .replace(URL_CREDENTIALS, '://[redacted]@')
    .replace(BEARER, '$1 [redacted]')
    .replace(INVITATION, '$1[redacted]');

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
