import { projectHandlers } from './project/rules';
import { taskHandlers } from './task/rules';
import { tenantHandlers } from './tenant/rules';
import { userHandlers } from './user/rules';

/** The handlers of all commands of the domain. */
export const commandHandlers = [...tenantHandlers, ...userHandlers, ...projectHandlers, ...taskHandlers];
