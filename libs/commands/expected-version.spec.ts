import { ArchiveProject, CreateProject } from '#domain/project/decide';
import { InviteMember } from '#domain/tenant/decide-invitations';
import { RenameTenant } from '#domain/tenant/decide-tenant';
import { AggregateStore, StaleVersion } from '#event-log/aggregate/aggregate-store';
import { unlimited } from '#plans/limit-guard.port';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { memberInvited, tenantCreated, USERS } from '#testing/tenant-facts';
import { type OpenCommandBus, openCommandBus } from './command-bus';

const by = USERS.owner;
const context = () => ({
  commandId: uuidv7(),
  actor: { kind: 'user', id: by } as const,
  correlationId: 'test',
});

describe('the version that a client requires', () => {
  let commands: OpenCommandBus;
  const tenantId = uuidv7();

  beforeEach(async () => {
    const log = new InMemoryEventLog();
    commands = await openCommandBus({ store: new AggregateStore({ log }), limits: unlimited, logger: silentLogger });
    const stream = { tenantId, aggregate: 'tenant', id: tenantId };
    await log.append({ stream, expected: 0, events: [tenantCreated], ...context() });
  });
  afterEach(() => commands.close());

  it('is compared with the version of the stream for a project', async () => {
    const projectId = uuidv7();
    const project = { by, projectId, name: 'Website', description: '', teamId: null };
    await commands.bus.execute(new CreateProject(tenantId, project, context()));
    const archive = (version: number) =>
      commands.bus.execute(new ArchiveProject(tenantId, { by, projectId }, context(), version));
    await expect(archive(2)).rejects.toThrow(StaleVersion);
    await expect(archive(1)).resolves.toMatchObject({ version: 2 });
  });

  it('is compared with the version of the changed part for a tenant', async () => {
    const { invitationId, role, maxUses, expiresAt, tokenHash, emailDomains } = memberInvited().data;
    const invitation = { by, invitationId, role, maxUses, expiresAt, tokenHash, emailDomains };
    const invited = await commands.bus.execute(
      new InviteMember(tenantId, { ...invitation, at: '2026-01-01T00:00:00.000Z' }, context()),
    );
    expect(invited).toMatchObject({ version: 2 });
    const rename = (name: string, version: number) =>
      commands.bus.execute(new RenameTenant(tenantId, { by, name }, context(), version));
    await expect(rename('Acme Ltd', 2)).rejects.toMatchObject({ reason: 'precondition-failed' });
    await expect(rename('Acme Ltd', 1)).resolves.toMatchObject({ version: 3 });
  });
});
