import { openRebuildWorld, type RebuildWorld } from '#testing/worlds/rebuild-world';
import { installProjections, requestRebuild } from '../versions/install';
import { rebuild } from './rebuild';

jest.setTimeout(300_000);

describe('a part that an operator added to the table of a read model', () => {
  let world: RebuildWorld;

  beforeEach(async () => {
    world = await openRebuildWorld();
    await installProjections(world.worker(), [world.projection()], world.roles);
    await world.write(3);
    await world.query('create schema reporting');
  });
  afterEach(() => world.close());

  const rebuildNow = async (version = 1): Promise<string> => {
    const id = await requestRebuild(world.owner, 'notes', { version });
    const { log, roles, logger } = world;
    const options = { log, pool: world.worker(), roles, logger, signal: new AbortController().signal };
    return rebuild(world.projection(version), id, options).then(
      () => 'done',
      (error: Error) => error.message,
    );
  };
  const parts = () =>
    world.query(`select kind, name, definition from projecting.parts_of('read_model', '{notes}') order by kind, name`);
  const oid = async () => (await world.query(`select 'read_model.notes'::regclass::oid as oid`))[0]?.['oid'];

  it('is created on the new table in every rebuild: indexes, triggers, policies, statistics, settings, comments', async () => {
    await world.query(
      `create function reporting.lower_text(t text) returns text language sql immutable as 'select lower(t)';
       create function reporting.ignore() returns trigger language plpgsql as 'begin return new; end';
       create index notes_lower_idx on read_model.notes (reporting.lower_text(text)) where text <> ' ON read_model.notes ';
       create unique index "Notes of one" on read_model.notes (note_id) include (text);
       create trigger quiet before insert or update of text on read_model.notes
         for each row when (new.text is not null) execute function reporting.ignore();
       alter table read_model.notes disable trigger quiet;
       create policy none_of_it on read_model.notes as restrictive for select to ${world.roles['app']}, ${world.roles['operator']}
         using (exists (select from read_model.notes n where n.text = notes.text));
       create policy nothing_new on read_model.notes as restrictive for insert with check (text <> 'x');
       create statistics reporting.of_notes on tenant_id, note_id from read_model.notes;
       alter table read_model.notes set (fillfactor = 70);
       comment on table read_model.notes is 'it''s read by reports';
       comment on column read_model.notes.text is 'in capitals'`,
    );
    const before = { parts: await parts(), oid: await oid() };
    for (const version of [1, 2, 2]) {
      expect(await rebuildNow(version)).toBe('done');
      expect(await parts()).toEqual(before.parts);
    }
    expect(await oid()).not.toBe(before.oid);
    expect(await world.rows()).toBe(3);
    await world.query('drop index read_model.notes_lower_idx; drop policy none_of_it on read_model.notes');
    const fewer = await parts();
    expect(await rebuildNow(2)).toBe('done');
    expect(await parts()).toEqual(fewer);
  });

  it('is created on the new table even if the release that installed the read model stored no list of its parts', async () => {
    await world.query(
      `delete from projecting.installed_parts; create index notes_more_idx on read_model.notes (text, note_id)`,
    );
    const before = await parts();
    expect(await rebuildNow(2)).toBe('done');
    expect(await parts()).toEqual(before);
  });

  it('is kept, and an index that only the installed version creates is not', async () => {
    await world.query(
      `create index notes_old_idx on read_model.notes (text, tenant_id);
       update projecting.installed_parts set parts = projecting.parts_as_json('read_model', '{notes}');
       create index notes_more_idx on read_model.notes (text, note_id)`,
    );
    expect(await rebuildNow(2)).toBe('done');
    const names = (await parts()).filter(({ kind }) => kind === 'index').map(({ name }) => name);
    expect(names).toEqual(['notes_more_idx', 'notes_text_idx']);
  });

  it.each([
    ['a column', 'alter table read_model.notes add column rating integer', 'column rating on table read_model.notes'],
    [
      'a constraint',
      'alter table read_model.notes add constraint short check (length(text) < 99)',
      'constraint short on',
    ],
    ['a rule', 'create rule quiet as on delete to read_model.notes do instead nothing', 'rule quiet on'],
    ['a publication', 'create publication of_notes for table read_model.notes', 'publication of_notes on'],
    [
      'an index in place of one of the product',
      'drop index read_model.notes_text_idx; create index notes_text_idx on read_model.notes (text, note_id)',
      'index notes_text_idx on table read_model.notes: this release creates another one with the same name',
    ],
    [
      'another table with the name of an index of the product',
      'drop index read_model.notes_text_idx; create table read_model.notes_text_idx ()',
      'table read_model.notes_text_idx: this release creates something with this name',
    ],
    [
      'an index that does not fit the new table',
      `alter table read_model.notes add column rating integer;
       update projecting.installed_parts set parts = projecting.parts_as_json('read_model', '{notes}');
       create index notes_rating_idx on read_model.notes (rating)`,
      'the index notes_rating_idx of table notes cannot be created on the new table',
    ],
  ])('is named in the error if it is %s, and the rebuild is refused before it loads anything', async (_, sql, name) => {
    await world.query(sql);
    const before = { parts: await parts(), oid: await oid() };
    expect(await rebuildNow()).toContain(name);
    expect({ parts: await parts(), oid: await oid() }).toEqual(before);
    const [{ state, error } = { state: '', error: '' }] = await world.rebuilds();
    expect([state, error]).toEqual(['failed', expect.stringContaining(name)]);
    expect(await world.query(`select nspname from pg_namespace where nspname like 'read_model_rebuild%'`)).toEqual([]);
  });
});
