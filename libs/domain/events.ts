import type { ErasureEvent } from './erasure/events';
import type { PersonEvent } from './person/events';
import type { ProjectEvent } from './project/events';
import type { OperationRefused } from './refusals/events';
import type { TaskEvent } from './task/events';
import type { TenantEvent } from './tenant/events';

/** Every fact that the log may hold. Read models choose for each type what it means to them. */
export type DomainEvent = TenantEvent | PersonEvent | ProjectEvent | TaskEvent | ErasureEvent | OperationRefused;
