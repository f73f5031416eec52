import { singleNodeOf } from './eventstore-url';

describe('the single node of an EventStoreDB connection string', () => {
  it.each([
    ['esdb://127.0.0.1:2113?tls=false', { host: '127.0.0.1', port: 2113 }],
    ['esdb://db.example', { host: 'db.example', port: 2113 }],
    ['esdb://admin:change%40it@db.example:2114?tls=true', { host: 'db.example', port: 2114 }],
  ])('is found in %s', (url, node) => {
    expect(singleNodeOf(url)).toEqual(node);
  });

  it.each([
    'esdb://a:2113,b:2113,c:2113?tls=false',
    'esdb://admin:changeit@a:2113,b:2113',
    'esdb+discover://cluster.example:2113',
  ])('is undefined for several or discovered nodes: %s', (url) => {
    expect(singleNodeOf(url)).toBeUndefined();
  });
});
