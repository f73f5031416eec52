import type { DomainEvents } from '#domain/events';
import { projectionsOf } from '#projecting/projection';

/** Defines a read model of the product: it handles every event that it does not leave alone. */
export const defineProjection = projectionsOf<DomainEvents>();
