import type { Access } from '#access/access';
import { uuidv7 } from '#platform/ids/uuid';

/** The access of a browser by a new session. */
export const testAccess = (more: Partial<Access> = {}): Access => ({
  ...{ kind: 'session', credentialId: uuidv7(), address: '203.0.113.7', userAgent: 'Browser/1.0' },
  ...more,
});
