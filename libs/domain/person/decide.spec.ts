import { specificationOf } from '../../testing/given-when-then';
import { erasePerson, registerPerson } from './decide';
import type { PersonErased, PersonRegistered } from './events';
import { personFold } from './evolve';

const { given } = specificationOf(personFold);

const registered: PersonRegistered = { type: 'PersonRegistered', data: {} };
const erased: PersonErased = { type: 'PersonErased', data: {} };

describe('registering a person', () => {
  it('records no personal data', () => given().when(registerPerson).thenHappened(registered));
  it('happens once', () => given(registered).when(registerPerson).thenRefused('conflict'));
  it('happens to nobody who was erased', () => given(registered, erased).when(registerPerson).thenRefused('conflict'));
});

describe('erasing a person', () => {
  it('records that they are gone', () => given(registered).when(erasePerson).thenHappened(erased));
  it('a second time is nothing', () => given(registered, erased).when(erasePerson).thenNothing());
  it('is refused where there was nobody', () => given().when(erasePerson).thenRefused('not-found'));
});
