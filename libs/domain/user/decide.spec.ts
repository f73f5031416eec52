import { specificationOf } from '#testing/given-when-then';
import { eraseUser, registerUser } from './decide';
import type { UserErased, UserRegistered } from './events';
import { userFold } from './evolve';

const { given } = specificationOf(userFold);

const registered: UserRegistered = { type: 'UserRegistered', data: {} };
const erased: UserErased = { type: 'UserErased', data: {} };

describe('registering a user', () => {
  it('records no personal data', () => given().when(registerUser).thenHappened(registered));
  it('happens once', () => given(registered).when(registerUser).thenRefused('conflict'));
  it('happens to nobody who was erased', () => given(registered, erased).when(registerUser).thenRefused('conflict'));
});

describe('erasing a user', () => {
  it('records that they are gone', () => given(registered).when(eraseUser).thenHappened(erased));
  it('a second time is nothing', () => given(registered, erased).when(eraseUser).thenNothing());
  it('is refused where there was nobody', () => given().when(eraseUser).thenRefused('not-found'));
});
