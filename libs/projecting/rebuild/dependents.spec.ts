import { openRebuildWorld, type RebuildWorld } from '#testing/worlds/rebuild-world';
import { installProjections, requestRebuild } from '../versions/install';
import { rebuild } from './rebuild';

jest.setTimeout(120_000);

describe('an object that an operator made on the tables of a read model', () => {
  let world: RebuildWorld;

  beforeEach(async () => {
    world = await openRebuildWorld();
    await installProjections(world.worker(), [world.projection()], world.roles);
    await world.write(3);
    await world.query('create schema reporting');
  });
  afterEach(async () => {
    await world.query('drop role if exists tenantry_test_analyst_of_notes');
    await world.close();
  });

  const rebuildNow = async (version = 1): Promise<string> => {
    const id = await requestRebuild(world.owner, 'notes', { version });
    const { log, roles, logger } = world;
    const options = { log, pool: world.worker(), roles, logger, signal: new AbortController().signal };
    return rebuild(world.projection(version), id, options).then(
      () => 'done',
      (error: Error) => error.message,
    );
  };

  const catalogue = async (): Promise<unknown> => ({
    tables: await world.query(
      `select c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner) as owner,
         array(select i.indexrelid::regclass::text from pg_index i where i.indrelid = c.oid order by 1) as indexes,
         array(select p.polname::text from pg_policy p where p.polrelid = c.oid order by 1) as policies,
         array(select n.conname::text from pg_constraint n where n.conrelid = c.oid order by 1) as constraints,
         array(select a::text from unnest(c.relacl) a order by 1) as grants
       from pg_class c where c.relnamespace = 'read_model'::regnamespace and c.relkind = 'r' order by 1`,
    ),
    views: await world.query(
      `select c.oid::regclass::text as name, c.reloptions, pg_get_userbyid(c.relowner) as owner, c.relacl::text as grants
       from pg_class c where c.relkind = 'v' and c.relnamespace = 'reporting'::regnamespace order by 1`,
    ),
    schemas: await world.query(`select nspname from pg_namespace where nspname like 'read_model%' order by 1`),
  });

  it('is kept if it is a view, with its owner, grants, options and content, and the views that depend on it', async () => {
    await world.query('create role tenantry_test_analyst_of_notes');
    const { operator } = world.roles;
    await world.query(
      `create view reporting.texts with (security_invoker = true, security_barrier = true) as
         select n.text, n.tenant_id from read_model.notes n where n.text <> 'nothing';
       grant select on reporting.texts to ${operator} with grant option;
       create view reporting.counted as select count(*)::integer as n, max(t.text) as last from reporting.texts t;
       create view reporting.owned as select * from read_model.notes;
       grant all on schema reporting to tenantry_test_analyst_of_notes;
       alter view reporting.owned owner to tenantry_test_analyst_of_notes;
       grant select on read_model.notes to tenantry_test_analyst_of_notes;
       grant select (text) on read_model.notes to ${world.roles['log']}`,
    );
    const before = await catalogue();
    expect(await rebuildNow(2)).toBe('done');
    expect(await catalogue()).toEqual(before);
    expect(await world.query('select n, last from reporting.counted')).toEqual([{ n: 3, last: 'v2 2' }]);
    expect(
      await world.query(
        `select has_column_privilege($1, 'read_model.notes', 'text', 'select') as may`,
        world.roles['log'],
      ),
    ).toEqual([{ may: true }]);
    await world.write(1);
    expect(await rebuildNow(2)).toBe('done');
    expect(await world.query('select n from reporting.counted')).toEqual([{ n: 4 }]);
    await world.query('drop schema reporting cascade; drop owned by tenantry_test_analyst_of_notes');
  });

  it.each([
    [
      'a materialized view',
      'create materialized view reporting.kept as select text from read_model.notes',
      'materialized view reporting.kept',
    ],
    [
      'a foreign key',
      'create table reporting.stars (t uuid, n uuid, foreign key (t, n) references read_model.notes)',
      'on table reporting.stars',
    ],
    [
      'a function with an SQL body',
      'create function reporting.count_notes() returns bigint language sql begin atomic select count(*) from read_model.notes; end',
      'function reporting.count_notes()',
    ],
    [
      'a function of its row type',
      `create function reporting.shown(n read_model.notes) returns text language sql as 'select n.text'`,
      'function reporting.shown',
    ],
  ])('is named in the error if it is %s, and the rebuild is refused before it loads anything', async (_, sql, name) => {
    await world.query(sql);
    const before = await catalogue();
    const message = await rebuildNow();
    expect(message).toContain('the tables of notes cannot be replaced while this depends on them');
    expect(message).toContain(name);
    expect(await catalogue()).toEqual(before);
    expect(await world.rebuilds()).toMatchObject([{ state: 'failed', error: message }]);
    await world.query('drop schema reporting cascade; create schema reporting');
    expect(await rebuildNow()).toBe('done');
    expect(await world.rows()).toBe(3);
  });

  it('is named in the error if it is a view that does not fit the new tables, and nothing is swapped', async () => {
    await world.query(
      `alter table read_model.notes add column rating integer;
       update projecting.installed_parts set parts = projecting.parts_as_json('read_model', '{notes}');
       create view reporting.rated as select text, rating from read_model.notes`,
    );
    const before = await catalogue();
    await rebuildNow();
    const [{ state, error } = { state: '', error: '' }] = await world.rebuilds();
    expect(state).toBe('failed');
    expect(error).toContain('the view reporting.rated cannot be created for the new tables: column');
    expect(await catalogue()).toEqual(before);
    expect(await world.checkpoint()).toMatchObject({ epoch: 0 });
  });
});
