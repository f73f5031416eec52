create schema read_model authorization {{projector}};
comment on schema read_model is
  'Read models: the tables that queries read. Projections write them, and can rebuild them from the event log.';
create schema read_model_retired authorization {{projector}};
comment on schema read_model_retired is
  'Tables that a rebuild replaces. They are dropped in the same transaction, so other transactions never see them.';

grant usage on schema read_model to {{app}}, {{operator}};
alter default privileges for role {{projector}} in schema read_model
  grant select on tables to {{app}}, {{operator}};

revoke all on schema public from public;
