import type { IncomingHttpHeaders } from 'node:http';

interface SentForm {
  readonly headers: IncomingHttpHeaders;
  /** The one that the request was sent to. */
  readonly host: string;
  /** Where clients reach the API. */
  readonly publicUrl: string;
}

/**
 * Whether another site's page sent the form, as the browser tells it; nothing here depends on a cookie.
 *
 * `Sec-Fetch-Site` decides where it is sent: no page can forge it. `Origin` says less, because the page's own
 * `Referrer-Policy: no-referrer` makes it `null` for our form too (Fetch, "append a request `Origin` header"). Over plain
 * HTTP browsers send only that, so there `null` is nobody's: the form takes no authority from the browser, and anyone who
 * sends it knows the link.
 */
export const isFromElsewhere = ({ headers, host, publicUrl }: SentForm): boolean => {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  if (origin === undefined || (origin === 'null' && publicUrl.startsWith('http:'))) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
};
