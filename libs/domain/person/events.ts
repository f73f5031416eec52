/** What can happen to a person. No personal data: names and addresses live in identity, where they can be erased. */
export type PersonRegistered = { readonly type: 'PersonRegistered'; readonly data: Record<string, never> };

export type PersonEvent = PersonRegistered;
