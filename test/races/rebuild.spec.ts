import { overtakenRebuild, requestOfNewerRelease } from './rebuild';

jest.setTimeout(120_000);

describe('a rebuild', () => {
  it('is ended by the worker that has the right, and not by one that was overtaken', async () => {
    expect(await overtakenRebuild()).toBeUndefined();
  });

  it('is not served by a worker of another version', async () => {
    expect(await requestOfNewerRelease()).toBeUndefined();
  });
});
