-- Row-level security of identity. The role of the application sees the rows of the user in app.user_id, and the names
-- of the users in app.user_ids, for lists of members. These ids are selected under row-level security in the same
-- transaction.
alter table identity.users enable row level security;
alter table identity.users force row level security;
alter table identity.sign_ups enable row level security;
alter table identity.sign_ups force row level security;
alter table identity.sessions enable row level security;
alter table identity.sessions force row level security;
alter table identity.erasures enable row level security;
alter table identity.erasures force row level security;
alter table identity.joins enable row level security;
alter table identity.joins force row level security;
alter table identity.pending_memberships enable row level security;
alter table identity.pending_memberships force row level security;

-- Functions run as the owner, and forced row-level security applies to the owner, too.
create policy owner_all on identity.users to current_user using (true) with check (true);
create policy owner_all on identity.sign_ups to current_user using (true) with check (true);
create policy owner_all on identity.sessions to current_user using (true) with check (true);
create policy owner_all on identity.erasures to current_user using (true) with check (true);
create policy owner_all on identity.joins to current_user using (true) with check (true);
create policy owner_all on identity.pending_memberships to current_user using (true) with check (true);

create policy own_row on identity.users for select to {{app}}
  using (id = (select nullif(current_setting('app.user_id', true), '')::uuid));
create policy own_rows on identity.sessions for select to {{app}}
  using (user_id = (select nullif(current_setting('app.user_id', true), '')::uuid));
create policy people_read on identity.users for select to {{app}}
  using (id = any ((select string_to_array(nullif(current_setting('app.user_ids', true), ''), ',')::uuid[])::uuid[]));

grant usage on schema identity to {{app}}, {{projector}}, {{operator}};
grant select (id, email, name, state, created_at) on identity.users to {{app}};
grant select on identity.sessions to {{app}};
-- Processes read the keys and create the first ones. Operators rotate and revoke them.
grant select, insert on identity.signing_keys to {{app}};
grant select, insert, delete, update (state, retired_at) on identity.signing_keys to {{operator}};
