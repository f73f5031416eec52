import { checkResponse, violationsOf } from './violations';

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
const PROBLEM_TYPE = { 'content-type': 'application/problem+json; charset=utf-8' };
const problem = { type: '/problems/not-found', title: 'Not found', status: 404, requestId: 'r' };
const tenant = {
  id: '0198c0de-0000-7000-8000-000000000000',
  ...{ name: 'Acme', slug: 'acme', plan: 'free', lock: 'none', lockReason: null, lockedSince: null, limits: [] },
  createdAt: '2026-01-01T00:00:00.000Z',
};

const answer = (status: number, body: unknown, headers: Record<string, string> = JSON_TYPE) => ({
  ...{ status, headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const getTenant = (...args: Parameters<typeof answer>) => violationsOf('GET', '/v1/tenant', answer(...args));

describe('the comparison of an answer with the OpenAPI documents', () => {
  it('accepts an answer as documented', () => {
    expect(getTenant(200, tenant)).toEqual([]);
    expect(violationsOf('GET', '/v1/projects/1?x=1', answer(404, problem, PROBLEM_TYPE))).toEqual([]);
    expect(violationsOf('DELETE', 'http://127.0.0.1:1/v1/sessions/current', answer(204, '', {}))).toEqual([]);
  });

  it.each([
    ['a status', answer(418, tenant), 'the status 418 is not documented'],
    ['a header', answer(200, tenant, { ...JSON_TYPE, 'x-secret': '1' }), 'the header x-secret is not documented'],
    ['a type of content', answer(200, tenant, PROBLEM_TYPE), 'the content type "application/problem+json" is not'],
    ['a further field', answer(200, { ...tenant, password: '1' }), 'body: must NOT have additional properties'],
    ['a value', answer(200, { ...tenant, name: 1 }), 'body/name: must be string'],
    ['a body that is not JSON', answer(200, '{'), 'the body is not JSON'],
    ['a missing field', answer(200, {}), "body: must have required property 'id'"],
  ])('reports %s that is not documented', (_, response, violation) => {
    const violations = violationsOf('GET', '/v1/tenant', response);
    expect(violations).toEqual(expect.arrayContaining([expect.stringContaining(violation)]));
    expect(() => checkResponse('GET', '/v1/tenant', response)).toThrow(violation);
  });

  it('reports a body where none is documented', () => {
    expect(violationsOf('DELETE', '/v1/sessions/current', answer(204, tenant))).toEqual(['a body is not documented']);
  });

  it('ignores operations that are not in the documents, and other servers', () => {
    expect(violationsOf('GET', '/v1/unknown', answer(500, ''))).toEqual([]);
    expect(violationsOf('GET', '/healthz', answer(500, ''))).toEqual([]);
  });
});
