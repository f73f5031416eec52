import { parseStreamName, type StreamId, streamName, tenantCategory, tenantPrefix } from './stream-id';

const tenantId = '0198c0de-0000-7000-8000-00000000000a';
const id = '0198c0de-1111-7000-8000-00000000000b';
const names: readonly (readonly [StreamId, string])[] = [
  [{ tenantId, aggregate: 'task', id }, `0198c0de00007000800000000000000a-task.${id}`],
  [{ tenantId, aggregate: 'tenant', id: tenantId }, `0198c0de00007000800000000000000a-tenant.${tenantId}`],
  [{ tenantId: null, aggregate: 'user', id }, `user-${id}`],
  [{ tenantId: null, aggregate: 'operators', id: tenantId }, `operators-${tenantId}`],
];

describe('the name of a stream', () => {
  it.each(names)('of %j is %s, and parsing the name returns the stream', (stream, name) => {
    expect(streamName(stream)).toBe(name);
    expect(parseStreamName(name)).toEqual(stream);
  });

  it('begins with the tenant: the text before the first hyphen is the category of the tenant', () => {
    const name = streamName({ tenantId, aggregate: 'task', id });
    expect(name.slice(0, name.indexOf('-'))).toBe(tenantCategory(tenantId));
    expect(name.startsWith(tenantPrefix(tenantId))).toBe(true);
  });

  it.each([
    ['the form of development versions', `0198c0de00007000800000000000000a.task-${id}`],
    ['another application', 'orders-1'],
    ['a system stream', `$ce-0198c0de00007000800000000000000a`],
    ['the metadata of a stream', `$$user-${id}`],
    ['an upper-case id', `user-${id.toUpperCase()}`],
    ['more after the id', `user-${id}x`],
  ])('cannot be parsed if it has another form: %s', (_, name) => {
    expect(parseStreamName(name)).toBeUndefined();
  });
});
