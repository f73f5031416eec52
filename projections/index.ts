import type { Projection } from '#projecting/projection';
import { billingProjection } from './billing/projection';
import { invitationsProjection } from './invitations/projection';
import { membersProjection } from './members/projection';
import { planLimitsProjection } from './plan-limits/projection';
import { projectsProjection } from './projects/projection';
import { tasksProjection } from './tasks/projection';
import { teamsProjection } from './teams/projection';
import { tenantsProjection } from './tenants/projection';

/** Every read model of the product. */
export const projections: readonly Projection[] = [
  tenantsProjection,
  membersProjection,
  invitationsProjection,
  teamsProjection,
  projectsProjection,
  tasksProjection,
  planLimitsProjection,
  billingProjection,
];
