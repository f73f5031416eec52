-- Links by which people join; those that were revoked or are spent too.
create table invitations (
  tenant_id     uuid        not null,
  invitation_id uuid        not null,  -- UUIDv7: holds the time at which it was made, and is the list's order
  role          text        not null,
  max_uses      integer     not null,
  uses          integer     not null,
  expires_at    timestamptz not null,
  revoked       boolean     not null,
  email_domains jsonb       not null,  -- of strings; empty: any address
  invited_by    uuid        not null
);

-- Which invitation a token is of, and of which tenant: asked before anybody is known.
create table invitation_tokens (
  token_hash    text not null,  -- SHA-256 in hexadecimal
  tenant_id     uuid not null,
  invitation_id uuid not null
);

-- after load
alter table invitations add primary key (tenant_id, invitation_id);
-- Those that can still be used, however many there were.
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
-- Whoever holds the token may know what it is of.
create policy holder_reads on invitation_tokens for select to {{app}}
  using (token_hash = (select nullif(current_setting('app.invitation', true), '')));
