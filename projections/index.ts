import type { Projection } from '../libs/projecting/projection';
import { membersProjection } from './members/projection';
import { tenantsProjection } from './tenants/projection';

/** Every read model of the product. */
export const projections: readonly Projection[] = [tenantsProjection, membersProjection];
