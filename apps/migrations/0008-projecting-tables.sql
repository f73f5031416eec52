-- A rebuild creates its tables in a separate schema, and then replaces the tables of the read model with them.

create function projecting.create_shadow(p_rebuild uuid, p_attempt integer) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_schema text := format('read_model_rebuild_%s_%s', replace(p_rebuild::text, '-', ''), p_attempt);
begin
  perform from projecting.rebuilds
    where id = p_rebuild and attempt = p_attempt and state in ('loading', 'catching-up');
  if not found then
    raise exception 'attempt % of rebuild % has no right to build tables', p_attempt, p_rebuild using errcode = 'P0001';
  end if;
  execute format('create schema %I authorization {{projector}}', v_schema);
  execute format('alter default privileges for role {{projector}} in schema %I grant select on tables to {{app}}, {{operator}}',
    v_schema);
  return v_schema;
end $$;
comment on function projecting.create_shadow is
  'Creates the schema in which an attempt of a rebuild builds its tables, so that two attempts never share a table or
  the name of an index. Returns its name. The projector may not create schemas, so this function does it as the owner,
  for the current attempt only.';

create function projecting.dependents(p_tables text[]) returns table (dependent text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  with old as (
    select c.oid, c.reltype from pg_class c
    where c.relnamespace = 'read_model'::regnamespace and c.relname = any (p_tables)
  ), types as (
    select reltype as oid from old union all select t.oid from pg_type t join old on t.typelem = old.reltype
  )
  select distinct pg_describe_object(d.classid, d.objid, 0) from pg_depend d
  left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
  left join pg_class v on v.oid = r.ev_class
  where d.deptype in ('n', 'a')
    and (d.refclassid = 'pg_class'::regclass and d.refobjid in (select oid from old)
      or d.refclassid = 'pg_type'::regclass and d.refobjid in (select oid from types))
    and v.relkind is distinct from 'v'
    and not exists (select from old
      left join pg_constraint c on d.classid = 'pg_constraint'::regclass and c.oid = d.objid and c.conrelid = old.oid
      left join pg_policy p on d.classid = 'pg_policy'::regclass and p.oid = d.objid and p.polrelid = old.oid
      left join pg_trigger t on d.classid = 'pg_trigger'::regclass and t.oid = d.objid and t.tgrelid = old.oid
      left join pg_attrdef a on d.classid = 'pg_attrdef'::regclass and a.oid = d.objid and a.adrelid = old.oid
      left join pg_index i on d.classid = 'pg_class'::regclass and i.indexrelid = d.objid and i.indrelid = old.oid
      left join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid and w.ev_class = old.oid
      left join pg_statistic_ext s on d.classid = 'pg_statistic_ext'::regclass and s.oid = d.objid and s.stxrelid = old.oid
      left join pg_publication_rel b on d.classid = 'pg_publication_rel'::regclass and b.oid = d.objid and b.prrelid = old.oid
      where coalesce(c.oid, p.oid, t.oid, a.oid, i.indexrelid, w.oid, s.oid, b.oid) is not null)
$$;
comment on function projecting.dependents is
  'Objects of operators that depend on the tables and that a rebuild cannot keep. Views are not among them: a rebuild
  keeps them.';

create function projecting.swap_tables(p_rebuild uuid, p_attempt integer, p_retired text[], p_tables text[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_schema text := format('read_model_rebuild_%s_%s', replace(p_rebuild::text, '-', ''), p_attempt);
  v_old    oid[];
  v_views  jsonb;
  v_added  jsonb;
  v_view   jsonb;
  v_grants text[];
  v_text   text;
  v_reason text;
begin
  -- A part that was added after the load began may be of a kind that only a new attempt can create.
  select string_agg(format('%s %s on table %s: %s', a.kind, a.name, a.of_table, coalesce(a.refusal,
      'it was added during the rebuild, and the next attempt creates it')), '; ') into v_text
    from projecting.additions(p_rebuild, p_attempt) a
    where a.refusal is not null or a.kind = 'index' and not exists (
      select from projecting.parts_of(v_schema, p_tables) n
      where (n.kind, n.of_table, n.name, n.definition) = (a.kind, a.of_table, a.name, a.definition));
  if v_text is not null then
    raise exception 'the tables cannot be replaced because of what was added to them: %', v_text using errcode = '2BP01';
  end if;
  select jsonb_agg(jsonb_build_object('kind', a.kind, 'table', a.of_table, 'name', a.name, 'definition', a.definition)
      order by a.kind, a.name) into v_added
    from projecting.additions(p_rebuild, p_attempt) a where a.kind <> 'index';
  select array_agg(c.oid) into v_old from pg_class c
    where c.relnamespace = 'read_model'::regnamespace and c.relname = any (p_retired) and c.relkind = 'r'
      and c.relowner = '{{projector}}'::regrole;
  -- The definitions of views are read while they refer to the old tables. Below, they are created again for the new
  -- tables, which have the same names.
  select jsonb_agg(jsonb_build_object('name', v.oid::regclass::text, 'definition', pg_get_viewdef(v.oid),
      'options', (select string_agg(format('%I = %L', o.option_name, o.option_value), ', ') from pg_options_to_table(v.reloptions) o)))
    into v_views
    from pg_class v
    where v.relkind = 'v' and exists (
      select from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
      where r.ev_class = v.oid and d.refclassid = 'pg_class'::regclass and d.refobjid = any (v_old));
  select array_agg(format('grant %s%s on read_model.%I to %s%s', g.privilege_type, g.columns, g.relname,
      case when g.grantee = 0 then 'public' else g.grantee::regrole::text end,
      case when g.is_grantable then ' with grant option' else '' end))
    into v_grants
    from (
      select c.relname, '' as columns, a.* from pg_class c, aclexplode(c.relacl) a
        where c.oid = any (v_old) and a.grantee <> c.relowner and c.relname = any (p_tables)
      union all
      select c.relname, format(' (%I)', t.attname), a.* from pg_class c
        join pg_attribute t on t.attrelid = c.oid and not t.attisdropped, aclexplode(t.attacl) a
        where c.oid = any (v_old) and a.grantee <> c.relowner and c.relname = any (p_tables)
          and exists (select from pg_attribute n where n.attname = t.attname and not n.attisdropped
            and n.attrelid = format('%I.%I', v_schema, c.relname)::regclass)
    ) g;
  for v_text in select c.relname from pg_class c where c.oid = any (v_old) loop
    execute format('alter table read_model.%I set schema read_model_retired', v_text);
  end loop;
  foreach v_text in array p_tables loop
    execute format('alter table %I.%I set schema read_model', v_schema, v_text);
  end loop;
  foreach v_text in array coalesce(v_grants, '{}') loop
    execute v_text;
  end loop;
  for v_view in select * from jsonb_array_elements(coalesce(v_views, '[]')) loop
    begin
      execute format('create or replace view %s%s as %s', v_view ->> 'name',
        coalesce(' with (' || (v_view ->> 'options') || ')', ''), v_view ->> 'definition');
    exception
      when lock_not_available or deadlock_detected then raise;
      when others then
        get stacked diagnostics v_reason = message_text;
        raise exception 'the view % cannot be created for the new tables: %', v_view ->> 'name', v_reason
          using errcode = '2BP01', detail = 'Drop it, or change it so that it is valid for the new tables.';
    end;
  end loop;
  for v_text in select c.relname from pg_class c where c.oid = any (v_old) loop
    execute format('drop table read_model_retired.%I', v_text);
  end loop;
  -- After the old tables are dropped, because only then the names of their statistics objects are free.
  for v_view in select * from jsonb_array_elements(coalesce(v_added, '[]')) loop
    perform projecting.add_part('read_model', v_view ->> 'kind', v_view ->> 'table', v_view ->> 'name', v_view ->> 'definition');
  end loop;
  -- If this attempt has written no parts, the parts of the former version are deleted, because they are no longer true.
  delete from projecting.installed_parts i using projecting.rebuilds r where r.id = p_rebuild and i.projection = r.projection;
  insert into projecting.installed_parts (projection, parts)
    select r.projection, r.parts from projecting.rebuilds r
    where r.id = p_rebuild and r.parts_attempt = p_attempt and r.parts is not null;
end $$;
comment on function projecting.swap_tables is
  'Replaces the tables of a read model with those of an attempt, in the caller''s transaction. Grants of operators and
  the parts that they have added to the old tables are created on the new ones. Views are changed to read the new
  tables; their owner, grants and options stay. If something cannot be kept, the function fails with an error that names
  it.';

revoke all on function projecting.create_shadow, projecting.dependents, projecting.swap_tables from public;
grant execute on function projecting.create_shadow, projecting.dependents, projecting.swap_tables to {{projector}};
