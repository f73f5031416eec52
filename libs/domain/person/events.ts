import { eventTypes } from '../event-types';

/** What can happen to a person. No personal data: names and addresses live in identity, where they can be erased. */
export type PersonEvent = PersonRegistered | PersonErased;

export type PersonRegistered = { readonly type: 'PersonRegistered'; readonly data: Record<string, never> };

/** Their personal data is gone; what they did stays, under an id that leads nowhere. */
export type PersonErased = { readonly type: 'PersonErased'; readonly data: Record<string, never> };

export const PERSON_EVENTS = eventTypes<PersonEvent>({
  PersonRegistered: true,
  PersonErased: true,
});
