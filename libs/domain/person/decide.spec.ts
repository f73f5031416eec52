import { specificationOf } from '../../testing/given-when-then';
import { registerPerson } from './decide';
import { personFold } from './evolve';

const { given } = specificationOf(personFold);

describe('registering a person', () => {
  it('records no personal data', () =>
    given().when(registerPerson).thenHappened({ type: 'PersonRegistered', data: {} }));
  it('happens once', () => given({ type: 'PersonRegistered', data: {} }).when(registerPerson).thenRefused('conflict'));
});
