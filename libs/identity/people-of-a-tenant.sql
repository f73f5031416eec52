-- The people who were found to belong to a company: what its list of members shows of them. As with the companies of a
-- person, the ids come from rows that row-level security has shown just before.
create policy people_read on identity.persons for select to {{app}}
  using (id = any ((select string_to_array(nullif(current_setting('app.person_ids', true), ''), ',')::uuid[])::uuid[]));
