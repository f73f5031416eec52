import type { UserEvent } from './events';
import { userFold } from './evolve';

const registered: UserEvent = { type: 'UserRegistered', data: {} };

const stateAfter = (...events: readonly UserEvent[]) => events.reduce(userFold.evolve, userFold.initial);

describe('the state of a user', () => {
  it('belongs to the stream category user', () => expect(userFold.aggregate).toBe('user'));
  it('holds only whether the user is registered or erased', () => {
    expect(stateAfter(registered)).toEqual({ status: 'registered' });
    expect(stateAfter(registered, { type: 'UserErased', data: {} })).toEqual({ status: 'erased' });
  });
  it.each<UserEvent>([
    { type: 'PasswordChanged', data: { at: '2026-01-01T00:00:00.000Z' } },
    { type: 'EmailChanged', data: { at: '2026-01-01T00:00:00.000Z' } },
    { type: 'SignInsFailed', data: { times: 3, at: '2026-01-01T00:00:00.000Z' } },
  ])('does not depend on $type', (event) => {
    expect(stateAfter(registered, event)).toEqual({ status: 'registered' });
    expect(stateAfter(registered, { type: 'UserErased', data: {} }, event)).toEqual({ status: 'erased' });
  });
  it('cannot be built from an event that this release does not know', () =>
    expect(() => stateAfter(registered, { type: 'UserPainted', data: {} } as never)).toThrow(
      'this release does not know the event UserPainted; run the release that wrote it',
    ));
});
