import { checkResponse } from '../support/responses/violations';

// Compares each answer of the product that a test receives over `fetch` with the OpenAPI documents.

const { fetch } = globalThis;

globalThis.fetch = async (input, init) => {
  const response = await fetch(input, init);
  const url = String(input instanceof Request ? input.url : input);
  // Every answer of the API has this header. A worker and the Stripe simulator answer without it.
  if (!/^http:\/\/[^/]+\/(v1|ops)\//.test(url) || !response.headers.has('x-request-id')) return response;
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
  checkResponse(method, url, {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.clone().text(),
  });
  return response;
};
