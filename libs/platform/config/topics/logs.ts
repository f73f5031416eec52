import { flag, oneOf, secretText } from '../kinds';

/** The settings of the topic "Logs and metrics". */
export const LOGS = {
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info', {
    description: 'The lowest level of the log lines that are written.',
  }),
  LOG_FORMAT: oneOf(['auto', 'json', 'pretty'], 'auto', {
    description:
      'json: one JSON object per line. pretty: lines for humans. auto: pretty on a terminal, otherwise json.',
    example: 'json',
  }),
  METRICS: flag(true, { description: 'true: GET /metrics serves the metrics of this process for Prometheus.' }),
  METRICS_TOKEN: secretText(/^[\x21-\x7e]{16,200}$/, '16 to 200 printable ASCII characters without spaces', {
    description:
      'The token that Prometheus sends as Authorization: Bearer …. With NODE_ENV=production, GET /metrics is served only if it is set.',
    example: 'a-long-random-text-of-your-own',
  }),
} as const;
