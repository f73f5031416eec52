-- A rebuild creates again what operators have added to the tables of a read model: indexes, triggers, row policies,
-- statistics, settings and comments.

create function projecting.parts_of(p_schema text, p_tables text[])
returns table (kind text, of_table text, name text, definition text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  with t as (
    select c.oid, c.relname as tab, c.relreplident, c.reloptions from pg_class c
    where c.relnamespace = to_regnamespace(quote_ident(p_schema)) and c.relname = any (p_tables) and c.relkind = 'r'
  ), parts (kind, tab, name, definition) as (
    select 'column', tab, a.attname::text,
        concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end, pg_get_expr(d.adbin, d.adrelid))
      from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
    union all
    select 'constraint', tab, n.conname, pg_get_constraintdef(n.oid)
      from t join pg_constraint n on n.conrelid = t.oid and n.contype in ('p', 'u', 'x', 'c', 'f')
    union all
    select 'index', tab, c.relname, pg_get_indexdef(c.oid)
      from t join pg_index i on i.indrelid = t.oid and i.indisvalid join pg_class c on c.oid = i.indexrelid
      where not exists (select from pg_constraint n where n.conindid = c.oid and n.conrelid = t.oid)
    union all
    select 'trigger', tab, g.tgname, pg_get_triggerdef(g.oid)
      from t join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal
    union all
    select 'trigger state', tab, g.tgname, format('ALTER TABLE read_model.%I %s TRIGGER %I', tab,
        case g.tgenabled when 'D' then 'DISABLE' when 'R' then 'ENABLE REPLICA' else 'ENABLE ALWAYS' end, g.tgname)
      from t join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal and g.tgenabled <> 'O'
    union all
    select 'policy', tab, p.polname, format('CREATE POLICY %I ON read_model.%I AS %s FOR %s TO %s%s%s', p.polname, tab,
        case when p.polpermissive then 'PERMISSIVE' else 'RESTRICTIVE' end,
        case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end,
        (select string_agg(case when r = 0 then 'PUBLIC' else r::regrole::text end, ', ' order by r) from unnest(p.polroles) r),
        ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
      from t join pg_policy p on p.polrelid = t.oid
    union all
    select 'statistics', tab, format('%I.%I', s.stxnamespace::regnamespace::text, s.stxname), pg_get_statisticsobjdef(s.oid)
      from t join pg_statistic_ext s on s.stxrelid = t.oid
    union all
    select 'setting', tab, o.option_name, format('ALTER TABLE read_model.%I SET (%I = %L)', tab, o.option_name, o.option_value)
      from t, pg_options_to_table(t.reloptions) o
    union all
    select 'comment', tab, coalesce(a.attname::text, tab::text), format('COMMENT ON %s IS %L',
        case when a.attname is null then format('TABLE read_model.%I', tab) else format('COLUMN read_model.%I.%I', tab, a.attname) end,
        d.description)
      from t join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = t.oid
      left join pg_attribute a on a.attrelid = t.oid and a.attnum = d.objsubid and d.objsubid > 0
    union all
    select 'rule', tab, w.rulename, pg_get_ruledef(w.oid) from t join pg_rewrite w on w.ev_class = t.oid
    union all
    select 'publication', tab, p.pubname, ''
      from t join pg_publication_rel r on r.prrelid = t.oid join pg_publication p on p.oid = r.prpubid
    union all
    select 'replica identity', tab, tab, t.relreplident::text from t where t.relreplident <> 'd'
  )
  select kind, tab, name, replace(definition, p_schema || '.', 'read_model.') from parts
$$;
comment on function projecting.parts_of is
  'The parts of tables: columns, constraints, indexes and so on, named as in the schema read_model. `definition` is SQL
  that creates the part, except for columns, constraints, rules, publications and replica identities, which are only
  compared.';

create function projecting.parts_as_json(p_schema text, p_tables text[]) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(jsonb_agg(to_jsonb(p)), '[]') from projecting.parts_of(p_schema, p_tables) p
$$;
comment on function projecting.parts_as_json is 'The parts of tables as one JSON array.';

create function projecting.additions(p_rebuild uuid, p_attempt integer)
returns table (kind text, of_table text, name text, definition text, refusal text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select p.kind, p.of_table, p.name, p.definition, case
      when exists (select from jsonb_array_elements(r.parts) n
          where n ->> 'kind' = p.kind and n ->> 'of_table' = p.of_table and n ->> 'name' = p.name)
        then 'this release creates another one with the same name; drop or rename it'
      when p.kind in ('column', 'constraint', 'rule', 'publication', 'replica identity')
        then 'a rebuild cannot create it again; drop it before the rebuild, and create it again afterwards'
    end
  from projecting.rebuilds r
  join projecting.checkpoints c on c.projection = r.projection
  left join projecting.installed_parts i on i.projection = r.projection
  cross join lateral projecting.parts_of('read_model', array(
    select distinct n ->> 'of_table' from jsonb_array_elements(r.parts) n where n ->> 'kind' = 'column')) p
  where r.id = p_rebuild and r.parts_attempt = p_attempt
    and not r.parts @> jsonb_build_array(to_jsonb(p))
    and case when i.parts is not null then not i.parts @> jsonb_build_array(to_jsonb(p))
      -- If the parts of the installed version are not known, a part with the name of one of the product counts as its
      -- part.
      else p.kind <> 'column' and not exists (select from jsonb_array_elements(r.parts) n
        where n ->> 'kind' = p.kind and n ->> 'of_table' = p.of_table and n ->> 'name' = p.name)
    end
$$;
comment on function projecting.additions is
  'The parts that operators have added to the tables of a read model: parts that neither the installed version nor the
  requested one creates. `refusal` says why a rebuild cannot create a part again; null: it can. Parts of a table that
  the requested version no longer has are dropped with the table.';

create function projecting.add_part(p_schema text, p_kind text, p_table text, p_name text, p_definition text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  v_table  text := format(' ON read_model.%I ', p_table);
  v_at     integer := position(v_table in p_definition);
  v_reason text;
begin
  -- Only the first occurrence is the table: a condition may contain the same text.
  execute case when p_schema = 'read_model' or v_at = 0 then p_definition
    else overlay(p_definition placing format(' ON %I.%I ', p_schema, p_table) from v_at for length(v_table)) end;
exception
  when lock_not_available or deadlock_detected or query_canceled then raise;
  when others then
    get stacked diagnostics v_reason = message_text;
    raise exception 'the % % of table % cannot be created on the new table: %', p_kind, p_name, p_table, v_reason
      using errcode = '2BP01', detail = 'Drop it, or change it so that it is valid for the new table.';
end $$;
comment on function projecting.add_part is
  'Creates one part on a table in a schema. In schemas other than read_model, this works only for indexes, triggers and
  policies.';

create function projecting.carry_over(p_rebuild uuid, p_attempt integer, p_kinds text[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_schema text := format('read_model_rebuild_%s_%s', replace(p_rebuild::text, '-', ''), p_attempt);
  v_tables text[];
begin
  select array_agg(distinct of_table) into v_tables from projecting.additions(p_rebuild, p_attempt);
  perform projecting.add_part(v_schema, a.kind, a.of_table, a.name, a.definition)
    from projecting.additions(p_rebuild, p_attempt) a
    where a.kind = any (p_kinds) and a.refusal is null and not exists (
      select from projecting.parts_of(v_schema, v_tables) n
      where (n.kind, n.of_table, n.name) = (a.kind, a.of_table, a.name));
end $$;
comment on function projecting.carry_over is
  'Creates the parts that operators have added, on the new tables of an attempt. It runs as the owner of the database,
  because the projector may have no right to call the functions that an index or a trigger uses.';

revoke all on function projecting.parts_of, projecting.parts_as_json, projecting.additions, projecting.add_part,
  projecting.carry_over from public;
grant execute on function projecting.parts_of, projecting.parts_as_json, projecting.additions, projecting.carry_over
  to {{projector}};
