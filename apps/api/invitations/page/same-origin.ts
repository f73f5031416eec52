import type { IncomingHttpHeaders } from 'node:http';

interface FormRequest {
  readonly headers: IncomingHttpHeaders;
  /** The host that the request was sent to. */
  readonly host: string;
  /** The URL at which clients reach the API. */
  readonly publicUrl: string;
}

/**
 * True if a page of another site sent the form, according to the headers of the browser.
 *
 * `Sec-Fetch-Site` decides if it is present, because no page can forge it. `Origin` is less exact: the header
 * `Referrer-Policy: no-referrer` of the page makes it `null` for our own form, too (Fetch, "append a request `Origin`
 * header"). Over plain HTTP browsers send only `Origin`, so `null` is accepted there. This is safe, because the form
 * does not depend on a cookie, and its sender needs to know the link.
 */
export const isCrossSite = ({ headers, host, publicUrl }: FormRequest): boolean => {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  if (origin === undefined || (origin === 'null' && publicUrl.startsWith('http:'))) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
};
