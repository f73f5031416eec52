-- Invitations, including those that were revoked or have no uses left.
create table invitations (
  tenant_id     uuid        not null,
  invitation_id uuid        not null,  -- UUIDv7: contains the time of creation; lists are ordered by it
  role          text        not null,
  max_uses      integer     not null,
  uses          integer     not null,
  expires_at    timestamptz not null,
  revoked       boolean     not null,
  email_domains jsonb       not null,  -- array of strings; an empty one allows every address
  invited_by    uuid        not null
);

-- The invitation and tenant of each token. It is read before the user is known.
create table invitation_tokens (
  token_hash    text not null,  -- SHA-256 in hexadecimal
  tenant_id     uuid not null,
  invitation_id uuid not null
);

-- after load
alter table invitations add primary key (tenant_id, invitation_id);
-- Invitations that can still be used: counted without reading the others.
create index invitations_open_idx on invitations (tenant_id, expires_at) where not revoked and uses < max_uses;
alter table invitation_tokens add primary key (token_hash);

-- before reading
alter table invitations enable row level security;
alter table invitations force row level security;
create policy projector_writes on invitations to {{projector}} using (true) with check (true);
create policy operator_reads on invitations for select to {{operator}} using (true);
create policy tenant_reads on invitations for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

alter table invitation_tokens enable row level security;
alter table invitation_tokens force row level security;
create policy projector_writes on invitation_tokens to {{projector}} using (true) with check (true);
create policy operator_reads on invitation_tokens for select to {{operator}} using (true);
-- Anyone who has the token may read the key of its invitation.
create policy holder_reads on invitation_tokens for select to {{app}}
  using (token_hash = (select nullif(current_setting('app.invitation', true), '')));
