create schema identity;
comment on schema identity is
  'Users: their personal data, which events never contain, and their passwords, sessions and tokens. The role of the
  application sees only the rows of the signed-in user. Look-ups before the user is known (by address or refresh token)
  are possible only through functions, each of which returns a single answer.';

create table identity.users (
  id            uuid        not null primary key,
  email         text        not null,
  email_key     text        not null unique,
  name          text        not null,
  password_hash text        not null,
  password_version integer  not null default 1,
  state         text        not null default 'pending'
    constraint users_state_check check (state in ('pending', 'active', 'erasing', 'erased')),
  created_at    timestamptz not null default now()
);
comment on table identity.users is 'Users, with their personal data.';
comment on column identity.users.email is 'as the user wrote it';
comment on column identity.users.email_key is 'the normalised address: equal for two spellings of the same address';
comment on column identity.users.password_hash is 'argon2id, with its parameters';
comment on column identity.users.password_version is
  'raised by each change of the password: a sign-in that checked an earlier password opens no session';

create table identity.sign_ups (
  user_id      uuid        not null primary key references identity.users on delete cascade,
  tenant_id      uuid        not null,
  tenant_name   text        not null,
  slug           text        not null,
  command_id     uuid        not null,
  correlation_id text        not null,
  access_id      uuid,
  attempts       integer     not null default 0,
  attempted_at   timestamptz not null default lease.now(),
  completed_at   timestamptz
);
comment on table identity.sign_ups is
  'Sign-ups, with all that is needed to complete one after any interruption. A completed sign-up is kept as long as its
  idempotency key, so that a repeated request finds it.';
comment on column identity.sign_ups.attempted_at is 'in lease time';
comment on column identity.sign_ups.completed_at is 'in lease time';
create index sign_ups_open_idx on identity.sign_ups (attempts, attempted_at) where completed_at is null;
create index sign_ups_completed_idx on identity.sign_ups (completed_at) where completed_at is not null;

create table identity.sessions (
  id           uuid        not null primary key,
  user_id    uuid        not null references identity.users on delete cascade,
  tenant_id    uuid,
  created_at   timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  expires_at   timestamptz not null,
  ended_at     timestamptz,
  end_reason   text
    constraint sessions_end_reason_check check (end_reason in ('signed-out', 'revoked', 'password-changed', 'removed',
      'refresh-token-reused', 'too-many-sessions', 'user-erased', 'expired')),
  method       text        not null
    constraint sessions_method_check check (method in ('sign-up', 'password', 'invitation', 'switch', 'new-tenant')),
  opened_from  uuid,
  member_since integer,
  access_id    uuid,
  network      bytea
);
comment on table identity.sessions is 'Sessions of users. tenant_id is null for a session outside of all tenants.';
comment on column identity.sessions.method is 'by which request the session was opened';
comment on column identity.sessions.opened_from is
  'the session whose access token opened this one, which ends with it; null: it was opened with a password';
comment on column identity.sessions.member_since is
  'version of the tenant''s stream at which the user joined: the session is not valid for a later membership';
comment on column identity.sessions.access_id is 'the access record of the request that opened the session';
comment on column identity.sessions.network is 'a keyed hash of the network from which the session was opened';
create index sessions_user_idx on identity.sessions (user_id);
create index sessions_expires_idx on identity.sessions (expires_at);
create index sessions_ended_idx on identity.sessions (ended_at) where ended_at is not null;
create index sessions_opened_from_idx on identity.sessions (opened_from) where opened_from is not null;
create index sessions_open_idx on identity.sessions (user_id, created_at desc, id desc) where ended_at is null;

create table identity.refresh_tokens (
  token_hash  bytea       not null primary key,
  session_id  uuid        not null references identity.sessions on delete cascade,
  issued_at   timestamptz not null default now(),
  used_at     timestamptz,
  next_salt   bytea,
  replaced_by bytea,
  check (num_nulls(used_at, next_salt, replaced_by) in (0, 3))
);
comment on table identity.refresh_tokens is
  'Refresh tokens. Each can be used once. The tokens of a session are one family: if a used token is used again, the
  session ends. The next token is derived from the token before it and a salt that is stored here. So a client that has
  the token before can get the next one again, and a reader of this table cannot derive it.';
comment on column identity.refresh_tokens.token_hash is 'SHA-256 of the token';
comment on column identity.refresh_tokens.replaced_by is 'the hash of the next token';
create index refresh_tokens_session_idx on identity.refresh_tokens (session_id, used_at);

create table identity.signing_keys (
  kid         text        not null primary key,
  public_jwk  jsonb       not null,
  private_key bytea       not null,
  state       text        not null check (state in ('next', 'current', 'retired')),
  created_at  timestamptz not null default now(),
  retired_at  timestamptz
);
comment on table identity.signing_keys is 'Keys that sign access tokens.';
comment on column identity.signing_keys.private_key is 'PKCS #8, encrypted under SECRET_KEY';
create unique index signing_keys_current_idx on identity.signing_keys (state) where state = 'current';

create table identity.erasures (
  user_id      uuid        not null primary key references identity.users on delete cascade,
  command_id     uuid        not null,
  correlation_id text        not null,
  access_id      uuid,
  attempts       integer     not null default 1,
  attempted_at   timestamptz not null default lease.now(),
  tenant_ids     uuid[]      not null default '{}',
  erased_at      timestamptz,
  checked_at     timestamptz
);
comment on table identity.erasures is
  'Erasures of users, with all that is needed to complete one after any interruption.';
comment on column identity.erasures.attempted_at is 'in lease time';
comment on column identity.erasures.tenant_ids is
  'the tenants of the user at the beginning, whose stored answers may show the user';
comment on column identity.erasures.erased_at is 'when the personal data was removed, in lease time';
comment on column identity.erasures.checked_at is
  'when personal data was searched for and removed once more, after all requests of the time of the erasure had ended;
  in lease time';
create index erasures_open_idx on identity.erasures (attempts, attempted_at) where checked_at is null;
create index erasures_checked_idx on identity.erasures (checked_at) where checked_at is not null;

create table identity.pending_memberships (
  user_id  uuid        not null references identity.users on delete cascade,
  tenant_id  uuid        not null,
  began_at timestamptz not null default lease.now(),
  primary key (user_id, tenant_id)
);
comment on table identity.pending_memberships is
  'Memberships of existing users that requests are about to append to the log: of a new tenant, or by an invitation. An
  erasure does not begin meanwhile, so that it finds all memberships.';
comment on column identity.pending_memberships.began_at is 'in lease time; the row of a killed process counts for 60 s';

create table identity.joins (
  user_id      uuid        not null primary key references identity.users on delete cascade,
  tenant_id      uuid        not null,
  token_hash     text        not null,
  email_domain   text        not null,
  command_id     uuid        not null,
  correlation_id text        not null,
  access_id      uuid,
  claimed_at     timestamptz not null default now(),
  attempts       integer     not null default 0,
  attempted_at   timestamptz not null default lease.now(),
  completed_at   timestamptz
);
comment on table identity.joins is
  'Joins of new users, with all that is needed to complete one, or to release its address, after any interruption. A
  completed join is kept as long as its idempotency key.';
comment on column identity.joins.attempted_at is 'in lease time';
comment on column identity.joins.completed_at is 'in lease time';
create index joins_open_idx on identity.joins (attempts, attempted_at) where completed_at is null;
create index joins_completed_idx on identity.joins (completed_at) where completed_at is not null;
