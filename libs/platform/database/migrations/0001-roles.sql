-- The read models and their owner. The roles themselves are made by roles.ts, because they have passwords.
create schema read_model authorization {{projector}};
create schema read_model_shadow authorization {{projector}};   -- under construction during a rebuild
create schema read_model_retired authorization {{projector}};  -- swapped out, kept until readers have left

grant usage on schema read_model to {{app}}, {{operator}};

-- A rebuilt table is made in the shadow schema and moves with its privileges, so both schemas grant the same.
alter default privileges for role {{projector}} in schema read_model
  grant select on tables to {{app}}, {{operator}};
alter default privileges for role {{projector}} in schema read_model_shadow
  grant select on tables to {{app}}, {{operator}};

revoke all on schema public from public;
