import type { DomainEvents } from '#domain/events';
import { projectionsOf } from '#projecting/projection';

/** Defines a read model of the product. It must handle every event that is not in `leavesAlone`. */
export const defineProjection = projectionsOf<DomainEvents>();
