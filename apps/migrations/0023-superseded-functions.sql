-- Databases of development versions hold forms of these functions that nothing calls any more.
drop function if exists event_log.append(uuid[], uuid[], text[], uuid[], integer[], integer[], text[], uuid[], uuid[],
  text[], smallint[], integer[], text[], smallint[], text[]);
drop function if exists event_log.append_one(uuid, uuid, text, uuid, integer, "char", uuid, uuid, text, text, smallint,
  json);
drop function if exists event_log.append_expected(uuid[], uuid[], text[], uuid[], integer[], smallint[], "char"[], uuid[],
  uuid[], text[], text[], smallint[], json[]);
drop function if exists idempotency.settle(uuid, uuid, integer, smallint, bytea);
drop function if exists identity.change_profile(uuid, text, text, text);
drop function if exists identity.find_credentials(text);
drop function if exists identity.open_session(uuid, uuid, uuid, bytea, integer, text);
