import { PERMISSIONS, type Permission } from '#domain/tenant/permissions';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { openApiOf } from '#test/support/openapi';
import { SIGNED_IN } from '../http/contract/require-permission.decorator';
import { listRoutes, permissionsPage } from './permissions-page';

type Operation = {
  security?: object[];
  description?: string;
  'x-permission'?: { permission: Permission; roles: string[] };
  'x-signed-in'?: boolean;
};

const isForOperators = ({ security = [] }: Operation): boolean => security.some((it) => 'operator' in it);

describe('the routes', () => {
  let identity: IdentityApp;
  let operations: Map<string, Operation>;
  beforeAll(async () => {
    identity = await createIdentityApp();
    const { paths } = await openApiOf(identity);
    operations = new Map(
      Object.entries(paths as unknown as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
        Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
      ),
    );
  });
  afterAll(() => identity.close());

  it('all declare who may use them: a permission, any signed-in user, operators, or anyone', () => {
    const undecided = [...operations].filter(
      ([, it]) =>
        it['x-permission'] === undefined &&
        it['x-signed-in'] !== true &&
        it.security?.length !== 0 &&
        !isForOperators(it),
    );
    expect(undecided.map(([name]) => name)).toEqual([]);
  });

  it('are listed for the page with the same access as in the OpenAPI document', () => {
    const all = listRoutes();
    // HTML pages are not in the document. Anyone may open them, except the start page of operators.
    const pages = all.filter(({ path }) => /^\/(billing\/return|join|ops$|ops\/log)/.test(path));
    const listed = all.filter((it) => !pages.includes(it));
    expect(pages.map(({ method, path, isPublic }) => [method, path, isPublic])).toEqual([
      ['GET', '/billing/return', true],
      ['GET', '/join.css', true],
      ['GET', '/join/{token}', true],
      ['POST', '/join/{token}', true],
      ['GET', '/ops', false],
      ['GET', '/ops/login', true],
      ['POST', '/ops/login', true],
      ['POST', '/ops/logout', true],
    ]);
    expect(listed.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([...operations.keys()].sort());
    for (const { method, path, isPublic, operators, requiredPermission } of listed) {
      const operation = operations.get(`${method} ${path}`);
      expect(operation?.security?.length === 0).toBe(isPublic);
      expect(operation !== undefined && isForOperators(operation)).toBe(operators);
      expect(operation?.['x-signed-in'] === true).toBe(requiredPermission === SIGNED_IN);
      const permission =
        requiredPermission === SIGNED_IN || requiredPermission === undefined ? undefined : requiredPermission;
      expect(operation?.['x-permission']).toEqual(permission && { permission, roles: PERMISSIONS[permission] });
    }
  });

  it('name the permission and its roles in their description', () => {
    expect(operations.get('PATCH /v1/tenant')?.description).toContain(
      'Needs the permission `workspace.rename`. Roles that have it: owner, admin.',
    );
    expect(operations.get('GET /v1/me')?.description).toContain('Needs a signed-in user');
  });

  it('refuse a request without a token, except the public ones', async () => {
    const id = '01a20000-0000-7000-8000-000000000001';
    for (const { method, path, isPublic } of listRoutes()) {
      const url = path.replaceAll(/\{\w+\}/g, id);
      const { statusCode } = await identity.request(method as 'GET', url, method === 'GET' ? {} : { payload: {} });
      if (isPublic) expect(statusCode).not.toBe(401);
      else expect([path, statusCode]).toEqual([path, 401]);
    }
  });
});

describe('docs/permissions.md', () => {
  it('lists each permission with its roles, and each route with the required permission', () => {
    const page = permissionsPage();
    expect(page).toContain('| permission | owner | admin | member | auditor |');
    expect(page).toContain('| `workspace.rename` | yes | yes |  |  |');
    expect(page).toContain('| `PATCH /v1/tenant` | `workspace.rename` |');
    expect(page).toContain('| `GET /v1/me` | any signed-in user |');
    expect(page).toContain('| `POST /v1/signup` | anyone |');
  });
});
