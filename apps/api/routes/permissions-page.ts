import 'reflect-metadata';
import { RequestMethod } from '@nestjs/common';
import { hasPermission, PERMISSIONS, type Permission, worksWhileLocked } from '#domain/tenant/permissions';
import { ROLES } from '#domain/tenant/roles';
import { CONTROLLERS } from '../api.module';
import { SIGNED_IN } from '../http/contract/require-permission.decorator';
import { type Access, accessOf } from '../identity/authentication/access';

export interface Route extends Access {
  /** `GET` */
  readonly method: string;
  /** `/v1/teams/{id}` */
  readonly path: string;
}

const pathOf = (target: object): string => String(Reflect.getMetadata('path', target) ?? '').replace(/^\/|\/$/g, '');

const routesOf = (controller: (typeof CONTROLLERS)[number]): Route[] => {
  const methods = Object.getOwnPropertyDescriptors(controller.prototype);
  return Object.values(methods).flatMap(({ value: handler }) => {
    const method: unknown = typeof handler === 'function' ? Reflect.getMetadata('method', handler) : undefined;
    if (typeof method !== 'number') return [];
    const path = `/${[pathOf(controller), pathOf(handler)].filter(Boolean).join('/')}`.replaceAll(/:(\w+)/g, '{$1}');
    return [{ method: RequestMethod[method] ?? '', path, ...accessOf(controller, handler) }];
  });
};

/**
 * The routes of all controllers, sorted by path and method. They are read from the metadata of Nest's decorators,
 * without starting the application.
 * @throws Error a route does not declare who may use it
 */
export const listRoutes = (): Route[] =>
  CONTROLLERS.flatMap(routesOf).sort((a, b) =>
    a.path === b.path ? (a.method < b.method ? -1 : 1) : a.path < b.path ? -1 : 1,
  );

const callersOf = ({ isPublic, operators, requiredPermission }: Route): string => {
  if (operators) return 'operators';
  if (isPublic) return requiredPermission === SIGNED_IN ? 'anyone, signed in or not' : 'anyone';
  return requiredPermission === SIGNED_IN ? 'any signed-in user' : `\`${requiredPermission}\``;
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** The text of `docs/permissions.md`: the permissions of each role, and the permission that each route requires. */
export const permissionsPage = (): string => {
  const permissions = Object.keys(PERMISSIONS) as Permission[];
  return `# Permissions

\`npm run permissions\` generates this page from \`libs/domain/tenant/permissions.ts\` and the decorators of the routes;
\`npm run check\` fails if it is out of date. A permission is checked against the user's present membership, not against the
role in the token; a change applies in every process within one second.

## Roles

${table(
  ['permission', ...ROLES],
  permissions.map((it) => [`\`${it}\``, ...ROLES.map((role) => (hasPermission(role, it) ? 'yes' : ''))]),
)}

Some rules depend on more than the role: only owners can grant the roles owner and admin or take the role
owner from a member, the last owner can neither leave the tenant nor change to another role, and every member may leave.

These permissions work while the tenant is locked, and their calls are not counted as API calls: ${permissions
    .filter(worksWhileLocked)
    .map((it) => `\`${it}\``)
    .join(', ')}.

## Routes

${table(
  ['route', 'who may use it'],
  listRoutes().map((route) => [`\`${route.method} ${route.path}\``, callersOf(route)]),
)}
`;
};
