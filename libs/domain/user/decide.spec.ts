import { specificationOf } from '#testing/given-when-then';
import { eraseUser, registerUser } from './decide';
import type { UserErased, UserRegistered } from './events';
import { userFold } from './evolve';

const { given } = specificationOf(userFold);

const registered: UserRegistered = { type: 'UserRegistered', data: {} };
const erased: UserErased = { type: 'UserErased', data: {} };

describe('registering a user', () => {
  it('records no personal data', () => given().when(registerUser).thenHappened(registered));
  it('is refused a second time', () =>
    given(registered).when(registerUser).thenRefused('conflict', 'A user with this id already exists.'));
  it('is refused for a user who was erased', () =>
    given(registered, erased).when(registerUser).thenRefused('conflict'));
});

describe('erasing a user', () => {
  it('records the erasure', () => given(registered).when(eraseUser).thenHappened(erased));
  it('adds no event a second time', () => given(registered, erased).when(eraseUser).thenNothing());
  it('is refused if there is no such user', () =>
    given().when(eraseUser).thenRefused('not-found', 'There is no such user.'));
});
