export { createTenantryClient, type TenantryClient, type TenantryOptions } from './client.js';
export { type Page, pagesOf, pagesOfItems } from './pages.js';
export { TenantryProblem, unwrap } from './problem.js';
export type { components, operations, paths } from './schema.js';
export { createMemoryTokens, type TokenStore, type Tokens } from './tokens.js';
