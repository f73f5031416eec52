import { overtakenRebuild, requestOfNewerRelease } from './rebuild';

jest.setTimeout(600_000);

describe('a rebuild', () => {
  it('is finished by the worker that claimed it last, and not by one that was overtaken', async () => {
    expect(await overtakenRebuild()).toBeUndefined();
  });

  it('is not done by a worker of another version', async () => {
    expect(await requestOfNewerRelease()).toBeUndefined();
  });
});
